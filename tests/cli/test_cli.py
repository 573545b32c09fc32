"""Runs every text session of this folder against the installed program."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from session import matches, parse, run

HERE = Path(__file__).parent


def environment(home: Path) -> dict[str, str]:
    """An environment without the user's settings, with our program first on the PATH."""
    program = shutil.which("millpond") or str(Path(sys.executable).with_name("millpond"))
    if not Path(program).exists():
        pytest.fail("millpond is not installed: run `make dev`")
    return {
        "PATH": f"{Path(program).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "MILLPOND_AUTHOR": "tester",
    }


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test")), ids=lambda path: path.stem)
def test_session(path: Path, tmp_path: Path) -> None:
    failures = run(parse(path), tmp_path, environment(tmp_path))
    assert not failures, "\n" + "\n".join(failures)


def test_a_wrong_expectation_fails(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.test"
    wrong.write_text("$ echo one\ntwo\n$ false\n$ echo x >&2; exit 3\n! y\n[3]\n")
    assert len(run(parse(wrong), tmp_path, dict(os.environ))) == 3


def test_wildcards() -> None:
    assert matches(["a <*> c", "<...>", "z"], ["a b c", "1", "2", "z"])
    assert matches(["<...>"], [])
    assert not matches(["a <*>"], ["b"])
    assert not matches(["a"], ["a", "b"])
