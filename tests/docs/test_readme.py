"""Runs the README's tour: each shell and Python block, in order, as a reader would.

A Python block that begins with ``# needs NAME`` is left out where that package is not installed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"# needs (\w+)\n")


def test_the_tour_runs(tmp_path: Path) -> None:
    assert run_tour(tmp_path) >= 8


@pytest.mark.frameworks
def test_the_tour_runs_with_every_framework(tmp_path: Path) -> None:
    for name in NEEDS.findall(README.read_text()):
        pytest.importorskip(name)
    assert run_tour(tmp_path) == len(BLOCK.findall(README.read_text()))


def run_tour(tmp_path: Path) -> int:
    """Run the blocks that can be run here; their number."""
    program = shutil.which("millpond") or str(Path(sys.executable).with_name("millpond"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    env = {
        **os.environ,
        "PATH": f"{Path(program).parent}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
    }
    blocks = [
        (language, text)
        for language, text in BLOCK.findall(README.read_text())
        if not (needs := NEEDS.match(text)) or importlib.util.find_spec(needs[1]) is not None
    ]
    folder = tmp_path
    for language, text in blocks:
        text = text.replace("/tmp/", f"{scratch}/").replace("sqlite:///pond", f"sqlite:///{tmp_path}/pond")
        text = text.replace("file://pond", f"file://{tmp_path}/pond")
        command = ["bash", "-euo", "pipefail", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        where = folder if language == "sh" else tmp_path
        done = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        if "cd pond" in text:
            folder = tmp_path / "pond"
    return len(blocks)
