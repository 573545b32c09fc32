"""The installed program, killed at its changes while it keeps a table in order: rows stay, and a step is done or not.

`make test` strikes at some of the changes, `make test-all` at every one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faults import Command, Mode, Shim, check_atomic, strike_every

FILES = 12


@pytest.fixture
def ask(program: Path) -> Callable[..., Any]:
    """Runs a verb on a pond and returns its report."""

    def run(folder: Path, *words: str) -> Any:
        done = subprocess.run([program, "--json", "--pond", folder, *words], capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    return run


@pytest.fixture
def pond(program: Path, ask: Callable[..., Any], tmp_path: Path) -> Path:
    """A pond with a table of many small files, one with deletes beside it, whose snapshots may expire."""
    folder = tmp_path / "pond"
    subprocess.run([program, "init", folder], check=True, capture_output=True)
    properties = ["write.delete.mode=merge-on-read", "history.expire.max-snapshot-age-ms=1"]
    words = [word for each in [*properties, "history.expire.min-snapshots-to-keep=2"] for word in ("--property", each)]
    ask(folder, "create", "t", "--columns", "id BIGINT NOT NULL", *words)
    for part in range(FILES):
        ask(folder, "sql", f"INSERT INTO t SELECT range + {part * 10} AS id FROM range(10)")
    ask(folder, "tag", "v1", "~5")
    ask(folder, "delete", "t", "--where", "id < 3")
    return folder


@pytest.fixture
def read_state(ask: Callable[..., Any]) -> Callable[[Path], object]:
    """Rows, files, snapshots and commits as a user sees them; doctor must find the pond healthy."""

    def read(folder: Path) -> object:
        rows = ask(folder, "sql", "SELECT count(*) AS n, sum(id)::BIGINT AS s, count(DISTINCT sample_id) AS d FROM t")
        assert rows == ask(folder, "sql", "SELECT 117 AS n, 7137 AS s, 117 AS d")
        tagged = ask(folder, "sql", "SELECT count(*) AS n FROM t AT TAG v1")
        assert tagged == ask(folder, "sql", "SELECT 70 AS n")
        shown = ask(folder, "show", "t")
        log = ask(folder, "log")
        assert ask(folder, "doctor", "--deep", "--remove-orphans", "--grace-hours", "0")["healthy"]
        return {
            "files": shown["files"],
            "snapshots": len(shown["snapshots"]),
            "messages": [commit["message"] for commit in log["commits"]],
        }

    return read


@strike_every(31)
@pytest.mark.parametrize("mode", ["kill", "lose"])
@pytest.mark.parametrize("step", ["compact", "manifests", "expire"])
def test_each_step_is_atomic(
    step: str, mode: Mode, every: int, shim: Shim, program: Path, pond: Path, read_state: Callable[[Path], object]
) -> None:
    command: Command = [program, "--pond", pond, "upkeep", "--only", step]
    attempts = check_atomic(shim, pond, command, read_state, mode, every=every)
    assert attempts.old > 0
    assert attempts.old + attempts.new > 2


@strike_every(9)
def test_removing_orphans_is_safe_to_kill(
    every: int, shim: Shim, program: Path, pond: Path, read_state: Callable[[Path], object], ask: Callable[..., Any]
) -> None:
    ask(pond, "upkeep", "--only", "compact,expire")
    command: Command = [program, "--pond", pond, "upkeep", "--only", "orphans", "--grace-hours", "0"]
    removed = sum(1 for file in (pond / "truth").rglob("*") if file.is_file())
    assert removed > FILES
    for nth in range(1, 10 * every, every):
        outcome = shim.run_with_fault(command, pond, nth, "kill")
        rows = ask(pond, "sql", "SELECT count(*) AS n, sum(id)::BIGINT AS s FROM t")
        assert rows == ask(pond, "sql", "SELECT 117 AS n, 7137 AS s")
        if not outcome.killed:
            break
    assert ask(pond, "upkeep", "--only", "orphans", "--grace-hours", "0")["failed"] == 0
    read_state(pond)
