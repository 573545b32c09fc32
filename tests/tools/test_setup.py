"""tools/setup: the list of packages without apt, clear refusals, and steps that are done once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A bin folder of a machine that has the basic tools but no apt, npm or Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "awk", "cat", "cut", "dirname", "env", "id", "sha256sum", "mkdir", "basename", "rm"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


@pytest.fixture
def checkout(repository: Path, tmp_path: Path) -> Path:
    """A checkout that needs no Python packages."""
    copy = tmp_path / "repository"
    (copy / "tools").mkdir(parents=True)
    (copy / "requirements").mkdir()
    shutil.copy(repository / "tools" / "setup", copy / "tools" / "setup")
    shutil.copy(repository / "tools" / "system-packages.txt", copy / "tools" / "system-packages.txt")
    (copy / "requirements" / "dev.txt").write_text("")
    return copy


def program(path: Path, script: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def setup(repository: Path, *steps: str, **env: str) -> tuple[int, str]:
    command = ["bash", str(repository / "tools" / "setup"), *steps]
    done = subprocess.run(
        command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, done.stdout


def test_without_apt_the_list_is_printed_and_the_run_goes_on(repository: Path, machine: Path) -> None:
    code, output = setup(repository, "system", PATH=str(machine))
    assert code == 0
    assert "no apt here" in output
    assert "ninja-build" in output
    assert "clang" not in output


def test_missing_python_is_said(repository: Path, machine: Path) -> None:
    code, output = setup(repository, "python", PATH=str(machine))
    assert code == 1
    assert "no python3 found. Install Python 3.11 or newer, or set PYTHON." in output


def test_old_python_is_refused(checkout: Path, machine: Path) -> None:
    program(machine / "python3", 'case "$*" in --version) echo Python 3.9.2;; *version_info*) exit 1;; esac')
    code, output = setup(checkout, "python", PATH=str(machine))
    assert code == 1
    assert "Python 3.9.2 is too old" in output


def test_python_without_venv_is_said_and_leaves_nothing_half_made(checkout: Path, machine: Path) -> None:
    """Debian's python3 without python3-venv makes the folder and then fails."""
    script = 'case "$*" in "-m venv"*) mkdir -p "$3/bin"; echo "ensurepip is not available"; exit 1;; esac'
    program(machine / "python3", script)
    code, output = setup(checkout, "python", PATH=str(machine))
    assert code == 1
    assert "ensurepip is not available" in output
    assert "the package python3-venv is needed" in output
    assert not (checkout / ".venv").exists()


def test_an_environment_without_pip_is_made_anew(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    code, output = setup(checkout, "python", PYTHON=sys.executable)
    assert code == 0, output
    subprocess.run([checkout / ".venv" / "bin" / "python", "-c", "import pip"], check=True)
    assert setup(checkout, "python", PYTHON=sys.executable) == (0, "")


APT = """case "$*" in
  *" update") exit 100;;
  *" install "*) echo "$*" >> "${0%/*}/installed"; echo "E: could not get lock" >&2; exit 100;;
esac"""


def test_apt_is_tried_again_waits_for_its_lock_and_its_failure_is_said(checkout: Path, machine: Path) -> None:
    program(machine / "apt-get", APT)
    program(machine / "dpkg-query", "exit 1")
    program(machine / "sleep", "")
    program(machine / "id", "echo 0")
    code, output = setup(checkout, "system", PATH=str(machine))
    assert code == 1
    assert "trying with the package lists at hand" in output
    assert "setup: apt-get could not install: ccache cmake " in output
    tries = (machine / "installed").read_text().splitlines()
    assert len(tries) == 3
    assert all("Lock::Timeout" in line and " ninja-build " in line for line in tries)


def test_without_root_and_sudo_the_missing_packages_are_said(checkout: Path, machine: Path) -> None:
    program(machine / "apt-get", "exit 1")
    program(machine / "dpkg-query", 'case "$*" in *cmake) echo -n installed;; *) exit 1;; esac')
    program(machine / "id", "echo 1000")
    code, output = setup(checkout, "system", PATH=str(machine))
    assert code == 0
    assert "not root and no sudo; make sure that these are installed: ccache g++ " in output


def test_unknown_step_is_refused(repository: Path) -> None:
    code, output = setup(repository, "coffee")
    assert code == 1
    assert "unknown step 'coffee'; steps are: system python duckdb fuzz servers frameworks" in output


def test_wrong_duckdb_header_is_replaced_never_used(repository: Path, tmp_path: Path) -> None:
    """A stamp of other inputs makes the step look at the hashes again; without any way to download it must fail."""
    folder = tmp_path / "cache" / "duckdb-1.5.6"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "libduckdb.so").write_text("not the library")
    (folder / ".stamp").write_text("other hashes\n")
    broken = tmp_path / "bin"
    broken.mkdir()
    npm = broken / "npm"
    npm.write_text("#!/bin/bash\nexit 1\n")
    npm.chmod(0o755)
    sleep = broken / "sleep"
    sleep.write_text("#!/bin/bash\n")
    sleep.chmod(0o755)
    path = f"{broken}:{os.environ['PATH']}"
    code, output = setup(repository, "duckdb", PATH=path, MILLPOND_CACHE=str(tmp_path / "cache"))
    assert code == 1
    assert "npm could not fetch @duckdb/node-bindings-linux-x64@" in output
    assert not list((tmp_path / "cache").glob("download.*"))


def test_a_package_with_the_wrong_hash_is_refused(repository: Path, tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    npm = broken / "npm"
    npm.write_text("#!/bin/bash\necho tampered > duckdb-node.tgz\n")
    npm.chmod(0o755)
    path = f"{broken}:{os.environ['PATH']}"
    code, output = setup(repository, "duckdb", PATH=path, MILLPOND_CACHE=str(tmp_path / "cache"))
    assert code == 1
    assert "The download is not what was pinned" in output
    assert not (tmp_path / "cache" / "duckdb-1.5.6" / "lib" / "libduckdb.so").exists()
