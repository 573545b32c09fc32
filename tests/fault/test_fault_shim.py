"""The shim itself: a program that forgets an fsync is caught, one that remembers is not."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest
from faults import Shim

# Writes a file aside and renames it into place; the words say which fsyncs it does.
PUBLISH = """
import os, sys
folder, syncs = sys.argv[1], sys.argv[2]
aside = os.open(folder + "/aside", os.O_CREAT | os.O_WRONLY, 0o644)
os.write(aside, b"whole" * 100)
if "file" in syncs: os.fsync(aside)
os.close(aside)
os.rename(folder + "/aside", folder + "/name")
if "folder" in syncs:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
os.mkdir(folder + "/end")
"""


def publish(folder: Path, syncs: str) -> list[str]:
    return [sys.executable, "-c", PUBLISH, str(folder), syncs]


def test_calls_are_counted_in_order(shim: Shim, tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    outcome = shim.run_with_fault(publish(folder, "file folder"), folder)
    assert outcome.returncode == 0, outcome.stderr
    assert [(o.call, Path(o.path).name, o.other) for o in outcome.operations] == [
        ("open", "aside", ""),
        ("write", "aside", ""),
        ("fsync", "aside", ""),
        ("rename", "aside", "name"),
        ("fsync", "root", ""),
        ("mkdir", "end", ""),
        ("exit", "root", ""),
    ]
    assert outcome.operations[1].size == 500


@pytest.mark.parametrize(
    ("syncs", "survives"),
    [("file folder", b"whole" * 100), ("folder", b""), ("file", None), ("", None)],
    ids=["both", "folder only", "file only", "neither"],
)
def test_a_power_cut_loses_what_was_not_synced(syncs: str, survives: bytes | None, shim: Shim, tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    total = len(shim.run_with_fault(publish(folder, syncs), folder).operations) - 1  # the exit
    for entry in folder.iterdir():
        entry.rmdir() if entry.is_dir() else entry.unlink()
    assert shim.run_with_fault(publish(folder, syncs), folder, total, "lose").killed
    name = folder / "name"
    assert (name.read_bytes() if name.exists() else None) == survives
    assert not (folder / "end").exists()


def test_a_power_cut_brings_back_what_was_replaced_and_overwritten(shim: Shim, tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "name").write_bytes(b"old")
    (folder / "grown").write_bytes(b"0123456789")
    program = """
import os, sys
folder = sys.argv[1]
with open(folder + "/new", "wb", buffering=0) as file: file.write(b"new")
os.rename(folder + "/new", folder + "/name")
handle = os.open(folder + "/grown", os.O_RDWR)
os.pwrite(handle, b"xx", 2)
os.fsync(handle)
os.pwrite(handle, b"yyyyyyyy", 6)
os.ftruncate(handle, 4)
os.unlink(folder + "/grown")
os.mkdir(folder + "/end")
"""
    command = [sys.executable, "-c", program, str(folder)]
    outcome = shim.run_with_fault(command, folder, 9, "lose")
    assert outcome.killed and outcome.operations[-1].call == "mkdir", outcome
    assert (folder / "name").read_bytes() == b"old"
    assert (folder / "grown").read_bytes() == b"01xx456789"
    assert not (folder / "new").exists()


def test_tear_writes_half(shim: Shim, tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    assert shim.run_with_fault(publish(folder, ""), folder, 2, "tear").killed
    assert (folder / "aside").stat().st_size == 250


def test_fail_sets_the_errno_once_or_for_ever(shim: Shim, tmp_path: Path) -> None:
    folder = tmp_path / "root"
    folder.mkdir()
    outcome = shim.run_with_fault(publish(folder, "file"), folder, 3, "fail", error=errno.EIO)
    assert outcome.returncode == 1
    assert "Input/output error" in outcome.stderr
    program = """
import os, sys
for name in "ab":
    try: os.mkdir(sys.argv[1] + "/" + name)
    except OSError as error: print(error.errno)
"""
    command = [sys.executable, "-c", program, str(folder)]
    assert shim.run_with_fault(command, folder, 1, "fail").stdout.split() == [str(errno.ENOSPC)]
    (folder / "b").rmdir()
    assert len(shim.run_with_fault(command, folder, 1, "fail", sticky=True).stdout.split()) == 2


def test_other_folders_are_left_alone(shim: Shim, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "root", tmp_path / "root-elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    outcome = shim.run_with_fault(publish(elsewhere, "file folder"), folder, 2, "kill")
    assert outcome.returncode == 0
    assert [o.call for o in outcome.operations] == ["exit"]
    assert subprocess.run(["test", "-s", elsewhere / "name"]).returncode == 0
