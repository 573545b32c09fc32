"""Wrong use of the engine must not compile: each .cc here fails with the message of its `// expect: regex` line.

Compiled with the flags that the build uses for a source of api/ (or the highest room there is), headers only.
A file without an expect line must compile.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

CASES = sorted(Path(__file__).parent.glob("*.cc"))


@pytest.fixture(scope="session")
def compiler(build_folder: Path, repository: Path) -> list[str]:
    """The build's own compile command, up to its flags; nothing that names an input or an output."""
    entries = json.loads((build_folder / "compile_commands.json").read_text())
    rooms = {Path(entry["file"]).parent.name: entry["command"] for entry in entries}
    command = next(rooms[room] for room in ("api", "query", "table", "base") if room in rooms)
    words = shlex.split(command)
    first = next(i for i, word in enumerate(words) if Path(word).name in ("c++", "g++", "clang++"))
    kept = [words[first]]
    kept += [
        word
        for word in words[first + 1 :]
        if word.startswith(("-I", "-D", "-std", "-W", "-f")) and word != "-Winvalid-pch"
    ]
    for i, word in enumerate(words):
        if word == "-isystem":
            kept += words[i : i + 2]
    return [*kept, "-fsyntax-only"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case(case: Path, compiler: list[str]) -> None:
    done = subprocess.run([*compiler, str(case)], capture_output=True, text=True)
    expected = re.search(r"^// expect: (.+)$", case.read_text(), re.MULTILINE)
    if expected is None:
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode != 0, f"{case.name} compiled, though it must not"
    assert re.search(expected[1], done.stderr), done.stderr
