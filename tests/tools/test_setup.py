"""tools/setup: the list of packages without apt, clear refusals, and steps that are done once."""

from __future__ import annotations

import os
import shutil
import subprocess
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


def test_old_python_is_refused(repository: Path, machine: Path) -> None:
    old = machine / "python3"
    old.write_text('#!/bin/bash\ncase "$*" in --version) echo Python 3.9.2;; *version_info*) exit 1;; esac\n')
    old.chmod(0o755)
    copy = machine.parent / "repository"
    (copy / "tools").mkdir(parents=True)
    (copy / "requirements").mkdir()
    shutil.copy(repository / "tools" / "setup", copy / "tools" / "setup")
    (copy / "requirements" / "dev.txt").write_text("")
    code, output = setup(copy, "python", PATH=str(machine))
    assert code == 1
    assert "Python 3.9.2 is too old" in output


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
