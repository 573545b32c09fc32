"""The installed program, killed while it syncs two tables: all of the old state, or all of the new.

`make test` strikes at some of the changes, `make test-all` at every one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import Command, Mode, Shim, check_atomic, strike_every

ROWS = "id,amount\n" + "".join(f"{row},{row * 3}\n" for row in range(2_000))


@pytest.fixture
def pond(program: Path, tmp_path: Path) -> Path:
    """A pond with one synced table, and a second file that has one row that does not fit."""
    folder = tmp_path / "pond"
    subprocess.run([program, "init", folder], check=True, capture_output=True)
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(ROWS)
    second.write_text("id,amount\n1,5\nseven,6\n2,7\n")
    subprocess.run([program, "--pond", folder, "sync", first, "--table", "t"], check=True, capture_output=True)
    return folder


@pytest.fixture
def read_state(program: Path) -> Callable[[Path], object]:
    """Rows, rejects, commits and cursor as a user sees them; doctor must find the pond healthy."""

    def ask(folder: Path, *words: str) -> object:
        done = subprocess.run([program, "--json", "--pond", folder, *words], capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    def read(folder: Path) -> object:
        tables = ask(folder, "ls")
        assert isinstance(tables, dict)
        names = [table["table"] for table in tables["tables"]]
        rows = {name: ask(folder, "sql", f"SELECT count(*) AS n FROM {name}") for name in names}
        log = ask(folder, "log")
        assert isinstance(log, dict)
        assert ask(folder, "doctor", "--deep", "--remove-orphans", "--grace-hours", "0")
        return {"rows": rows, "messages": [commit["message"] for commit in log["commits"]]}

    return read


@strike_every(17)
@pytest.mark.parametrize("mode", ["kill", "lose"])
def test_sync_is_atomic(
    mode: Mode, every: int, shim: Shim, program: Path, pond: Path, read_state: Callable[[Path], object]
) -> None:
    source = pond.parent / "second.csv"
    command: Command = [
        program, "--pond", pond, "sync", source, "--table", "t", "--type", "id=int64", "-m", "second",
    ]  # fmt: skip
    attempts = check_atomic(shim, pond, command, read_state, mode, every=every)
    assert attempts.old > 1
    assert attempts.new > 0
