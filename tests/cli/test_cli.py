"""Runs every text session of this folder against the installed program."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from session import matches, parse, run

HERE = Path(__file__).parent


def with_ledger(program: Path, home: Path) -> Path:
    """A folder with a millpond whose new ponds keep their ledger in MILLPOND_TEST_LEDGER, a schema for each."""
    url = os.environ["MILLPOND_TEST_LEDGER"]
    folder = home / ".bin"
    folder.mkdir(exist_ok=True)
    wrapper = folder / "millpond"
    wrapper.write_text(
        "#!/usr/bin/env bash\n"
        f"export PGPASSWORD={shlex.quote(os.environ.get('PGPASSWORD', ''))}\n"
        'for word; do\n  if [ "$word" = init ]; then\n'
        f'    exec {program} "$@" --ledger "{url}?schema=s$RANDOM$RANDOM$RANDOM"\n  fi\ndone\n'
        f'exec {program} "$@"\n'
    )
    wrapper.chmod(0o755)
    return folder


def environment(home: Path) -> dict[str, str]:
    """An environment without the user's settings, with our program first on the PATH."""
    program = shutil.which("millpond") or str(Path(sys.executable).with_name("millpond"))
    if not Path(program).exists():
        pytest.fail("millpond is not installed: run `make dev`")
    folder = str(Path(program).parent)
    if "MILLPOND_TEST_LEDGER" in os.environ:
        folder = f"{with_ledger(Path(program), home)}:{folder}"
    return {
        "PATH": f"{folder}:/usr/bin:/bin",
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
