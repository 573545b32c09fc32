"""`pip install .` into an empty environment gives the millpond program and `import millpond`.

The wheel is built without build isolation, so that ccache knows the files from the normal build.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, build_folder: Path) -> Path:
    repository = Path(__file__).resolve().parents[2]
    if not (build_folder / "millpond").is_file():
        pytest.skip("the launcher is not built")
    # Workers of pytest-xdist share the folder above their own: the first one builds, the others wait and find it built.
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheel"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not list(folder.glob("millpond-*.whl")):
            pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
            run(*pip, "--wheel-dir", folder, repository, env={"CXX": "c++"})
    (path,) = folder.glob("millpond-*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return folder


def test_wheel_holds_one_package_and_a_real_program(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        launcher = archive.read(next(name for name in names if name.endswith(".data/scripts/millpond")))
    assert launcher.startswith(b"\x7fELF")
    package = {name.split("/")[1] for name in names if name.startswith("millpond/")}
    assert {"__init__.py", "py.typed", "libmillpond.so", "libduckdb.so"} <= package
    assert all(name.startswith(("millpond/", "millpond-")) for name in names)


def test_libraries_look_for_others_beside_themselves_only(environment: Path) -> None:
    (package,) = environment.glob("lib/python*/site-packages/millpond")
    for library in package.glob("*millpond*.so"):
        paths = [line for line in run("readelf", "-d", library).splitlines() if "RUNPATH" in line or "RPATH" in line]
        assert len(paths) == 1
        inside = paths[0].split("[")[1].rstrip("]")
        assert all(path.startswith("$ORIGIN") for path in inside.split(":")), library


def test_program_runs_and_starts_at_once(environment: Path) -> None:
    program = environment / "bin" / "millpond"
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        assert run(program, "--version").startswith("millpond ")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05
    assert "sync" in run(program, "--help")


def test_program_says_what_is_missing_without_arrow(environment: Path, tmp_path: Path) -> None:
    copy = tmp_path / "millpond"
    copy.write_bytes((environment / "bin" / "millpond").read_bytes())
    copy.chmod(0o755)
    done = subprocess.run([str(copy), "ls"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "reinstall the millpond package" in done.stderr


def test_package_imports(environment: Path) -> None:
    code = "import millpond, sys; print('torch' in sys.modules, 'tensorflow' in sys.modules, 'sklearn' in sys.modules)"
    assert run(environment / "bin" / "python", "-c", code).split() == ["False", "False", "False"]
