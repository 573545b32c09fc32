"""System OpenSSL and the OpenSSL inside the Arrow wheel never bind to each other (docs/design/openssl.md).

The dynamic linker itself is the witness: LD_BIND_NOW resolves every symbol at load, LD_DEBUG=bindings says where to.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from server_fixtures import PostgresServer

BINDING = re.compile(r"binding file (\S+) \[\d+\] to (\S+) \[\d+\]: normal symbol `([^']+)'")
SYSTEM = re.compile(r"/lib(ssl|crypto)\.so[.0-9]*$")


def bindings(command: list[str], log: Path, more: dict[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Runs a command under the linker's eye: (from file, to file, symbol) of every binding of its process."""
    env = {**os.environ, **(more or {}), "LD_BIND_NOW": "1", "LD_DEBUG": "bindings", "LD_DEBUG_OUTPUT": str(log)}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = set()
    for path in log.parent.glob(log.name + ".*"):
        found.update(BINDING.findall(path.read_text(errors="replace")))
    return sorted(found)


def exported(library: Path) -> set[str]:
    """Names of the dynamic symbols that a library defines."""
    output = subprocess.run(
        ["nm", "-D", "--defined-only", str(library)], check=True, capture_output=True, text=True
    ).stdout
    return {line.split()[-1].split("@")[0] for line in output.splitlines()}


def crossings(found: list[tuple[str, str, str]], openssl_names: set[str]) -> list[tuple[str, str, str]]:
    """Bindings of OpenSSL symbols that leave the wheel for the system's library, or the other way round."""

    def in_wheel(path: str) -> bool:
        return "/pyarrow/" in path or Path(path).name.startswith(("libarrow", "libparquet"))

    return [
        (source, target, symbol)
        for source, target, symbol in found
        if symbol in openssl_names and in_wheel(source) != in_wheel(target)
    ]


@pytest.fixture(scope="module")
def system_crypto() -> Path:
    """The libcrypto that this Python's ssl module uses."""
    code = "import ssl; print(open('/proc/self/maps').read())"
    maps = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    paths = sorted({line.split()[-1] for line in maps.splitlines() if SYSTEM.search(line)})
    if not paths:
        pytest.skip("this Python carries its own OpenSSL; nothing to cross with")
    return Path(paths[0])


def test_launcher_loads_no_system_openssl(program: Path, tmp_path: Path) -> None:
    found = bindings([str(program), "--help"], tmp_path / "log")
    assert any(target.endswith("libmillpond.so") or source.endswith("libmillpond.so") for source, target, _ in found)
    assert any("libparquet" in source for source, _, _ in found)
    assert [binding for binding in found if SYSTEM.search(binding[0]) or SYSTEM.search(binding[1])] == []


@pytest.mark.parametrize("order", ["import ssl, millpond", "import millpond, ssl"])
def test_python_with_ssl_and_millpond_does_not_cross(order: str, system_crypto: Path, tmp_path: Path) -> None:
    pytest.importorskip("millpond")
    code = f"{order}; import millpond._millpond; ssl.create_default_context()"
    found = bindings([sys.executable, "-c", code], tmp_path / "log")
    assert any(SYSTEM.search(target) for _, target, _ in found)
    assert any("libparquet" in source for source, _, _ in found)
    assert crossings(found, exported(system_crypto)) == []


@pytest.mark.parametrize("through", ["launcher", "python", "python with ssl"])
def test_a_postgresql_ledger_does_not_cross(
    through: str, program: Path, system_crypto: Path, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """libpq brings the system's OpenSSL into the process, for a connection with TLS, apart from the wheel's."""
    url = postgres_server.url(postgres_server.new_database(), options="sslmode=require")
    env = {"MILLPOND_LEDGER_URL": url, "MILLPOND_AUTHOR": "tester"}
    pond = str(tmp_path / "pond")
    code = f"import millpond, pyarrow; millpond.init({pond!r}).append('t', pyarrow.table({{'id': [1]}}))"
    if through == "launcher":
        command = [str(program), "init", pond]
    else:
        pytest.importorskip("millpond")
        command = [sys.executable, "-c", "import ssl; ssl.create_default_context(); " * (through != "python") + code]
    found = bindings(command, tmp_path / "log", env)
    names = exported(system_crypto)
    assert any(Path(source).name.startswith("libpq.") and SYSTEM.search(target) for source, target, _ in found)
    assert any("libparquet" in source for source, _, _ in found)
    assert crossings(found, names) == []
    assert [
        b for b in found if b[2] in names and Path(b[0]).name.startswith("libpq.") and not SYSTEM.search(b[1])
    ] == []


def test_a_program_that_mixes_them_is_caught(system_crypto: Path, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    folder = Path(pyarrow.get_library_dirs()[0])
    parquet = folder / f"libparquet.so.{pyarrow.cpp_build_info.so_version}"
    source = tmp_path / "mix.c"
    source.write_text("int main(void) { return 0; }\n")
    link = [
        "-Wl,--no-as-needed",
        str(system_crypto),
        str(parquet),
        f"-Wl,-rpath,{folder}",
        "-Wl,--allow-shlib-undefined",
    ]
    subprocess.run(["gcc", str(source), "-o", str(tmp_path / "mix"), *link], check=True)
    found = bindings([str(tmp_path / "mix")], tmp_path / "log")
    assert len(crossings(found, exported(system_crypto))) > 100
