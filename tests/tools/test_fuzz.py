"""tools/fuzz runs the targets it is asked for, keeps findings, and tells a crash, a hang and a missing target apart."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

CRASHES = """#!/bin/bash
for word; do case $word in -artifact_prefix=*) echo boom > "${word#*=}crash-1";; esac; done
echo "ERROR: AddressSanitizer: heap-buffer-overflow"
exit 77
"""
PASSES = """#!/bin/bash
case "$*" in *-max_total_time=1\\ *) ;; *) exit 3;; esac
echo "stat::number_of_executed_units: 42"
"""


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """A build folder whose programs behave like libFuzzer's, well and badly."""
    for name, text in {"csv_fuzz": CRASHES, "yaml_fuzz": PASSES}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def fuzz(repository: Path, build: Path, *words: str) -> tuple[int, str]:
    command = [sys.executable, str(repository / "tools" / "fuzz"), "--build", str(build), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def test_a_crash_is_kept_and_told_how_to_reproduce(repository: Path, build: Path) -> None:
    report = build / "fuzz.xml"
    code, output = fuzz(repository, build, "--seconds", "1", "--report", str(report), "csv_fuzz", "yaml_fuzz")
    assert code == 1
    assert "ok   yaml_fuzz: 42 runs, 0 inputs kept" in output
    assert "FAIL csv_fuzz: exit code 77" in output
    assert f"reproduce: {build}/csv_fuzz {build}/findings/csv_fuzz/crash-1" in output
    assert "heap-buffer-overflow" in (build / "logs" / "csv_fuzz.log").read_text()
    cases = {case.get("name"): case.find("failure") is not None for case in ElementTree.parse(report).iter("testcase")}
    assert cases == {"csv_fuzz": True, "yaml_fuzz": False}


def test_one_target_alone(repository: Path, build: Path) -> None:
    code, output = fuzz(repository, build, "--seconds", "1", "yaml_fuzz")
    assert code == 0
    assert "csv_fuzz" not in output


def test_what_is_not_built_or_not_there_is_said(repository: Path, build: Path) -> None:
    code, output = fuzz(repository, build, "--seconds", "1")
    assert code == 2
    assert "not built: " in output
    assert "json_fuzz" in output
    assert "make fuzz" in output
    code, output = fuzz(repository, build, "coffee_fuzz")
    assert code == 2
    assert "no target coffee_fuzz; there are: " in output
    assert "csv_fuzz" in output


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--minutes", "0"], ["--jobs", "0"]])
def test_senseless_lengths_are_refused(words: list[str], repository: Path, build: Path) -> None:
    code, output = fuzz(repository, build, *words, "yaml_fuzz")
    assert code == 2
    assert "at least one second" in output
