"""Moving a ledger, backing it up and restoring it, while others use the pond."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from server_fixtures import PostgresServer

COUNT = "SELECT count(*) AS n FROM t"


@pytest.fixture
def pond(millpond: Any, tmp_path: Path) -> str:
    """A pond with a table of two rows, one tag and a run's worth of history."""
    (tmp_path / "a.csv").write_text("id\n1\n2\n")
    (tmp_path / "b.csv").write_text("id\n3\n")
    millpond("init", "pond")
    millpond("--pond", "pond", "sync", "a.csv", "--table", "t")
    millpond("--pond", "pond", "tag", "first")
    return "pond"


def test_moves_there_and_back(millpond: Any, tmp_path: Path, pond: str, database: str) -> None:
    before = millpond("--pond", pond, "log")
    moved = millpond("--pond", pond, "ledger", "move", f"{database}?schema=one")
    assert moved["rows"]["tables"]["pond_commit"] == 1
    assert "schema=one" in (tmp_path / "pond" / "millpond.toml").read_text()
    assert millpond("--pond", pond, "log") == before
    millpond("--pond", pond, "sync", "b.csv", "--table", "t")
    assert millpond("--pond", pond, "doctor")["healthy"]
    millpond("--pond", pond, "ledger", "move", "sqlite")
    assert "schema" not in (tmp_path / "pond" / "millpond.toml").read_text()
    assert millpond("--pond", pond, "sql", COUNT) == [{"n": 3}]
    millpond("--pond", pond, "sync", "a.csv", "--table", "u")
    assert millpond("--pond", pond, "doctor")["healthy"]
    # And there again, where the old tables still are.
    millpond("--pond", pond, "ledger", "move", f"{database}?schema=one")
    assert len(millpond("--pond", pond, "log")["commits"]) == 3
    millpond("--pond", pond, "ledger", "move", f"{database}?schema=one", fails="invalid")


def test_who_still_has_the_old_ledger_fails_cleanly(millpond: Any, tmp_path: Path, pond: str, database: str) -> None:
    millpond("--pond", pond, "ledger", "move", database)
    with sqlite3.connect(tmp_path / "pond" / "ledger.db") as old, pytest.raises(sqlite3.IntegrityError, match="moved"):
        old.execute("DELETE FROM iceberg_tables")  # As PyIceberg would write it.
    (tmp_path / "pond" / "millpond.toml").write_text("")
    assert "moved" in millpond("--pond", pond, "ls", fails="unavailable")


def test_an_interrupted_move_goes_on_or_is_given_up(
    millpond: Any, tmp_path: Path, pond: str, database: str, postgres_server: PostgresServer
) -> None:
    toml = (tmp_path / "pond" / "millpond.toml").read_text()
    millpond("--pond", pond, "ledger", "move", database)
    # As if it had been killed just before the switch.
    (tmp_path / "pond" / "millpond.toml").write_text(toml)
    millpond("--pond", pond, "sync", "b.csv", "--table", "t", fails="unavailable")
    assert millpond("--pond", pond, "ledger", "show")["moving_to"].startswith("postgresql://")
    millpond("--pond", pond, "ledger", "move", database)
    millpond("--pond", pond, "sync", "b.csv", "--table", "t")
    # Once more, and given up.
    (tmp_path / "pond" / "millpond.toml").write_text(toml)
    millpond("--pond", pond, "ledger", "move", "--abort")
    assert millpond("--pond", pond, "sql", COUNT) == [{"n": 2}]
    millpond("--pond", pond, "ledger", "move", "--abort", fails="not_found")
    # The place holds another ledger now: it is left alone, and ours takes writes again.
    millpond("--pond", pond, "ledger", "move", database, fails="already_exists")
    millpond("--pond", pond, "sync", "a.csv", "--table", "u")


def test_a_move_needs_the_setting_to_be_the_files(millpond: Any, pond: str, database: str) -> None:
    millpond("--pond", pond, "ledger", "move", database)
    message = millpond("--pond", pond, "ledger", "move", "sqlite", fails="invalid", MILLPOND_LEDGER_URL=database)
    assert "MILLPOND_LEDGER_URL" in message


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_backs_up_in_use_and_restores(millpond: Any, tmp_path: Path, pond: str, kind: str, database: str) -> None:
    if kind == "postgresql":
        millpond("--pond", pond, "ledger", "move", database)
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            millpond("--pond", pond, "tag", f"t{number}")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(2):
            millpond("--pond", pond, "ledger", "backup", f"backup-{number}.db")
    finally:
        stop.set()
        writer.join()
    millpond("--pond", pond, "ledger", "backup", "backup-0.db", fails="already_exists")
    kept = (tmp_path / "backup-1.db").read_bytes()
    millpond("--pond", pond, "sync", "b.csv", "--table", "t")
    assert "--yes" in millpond("--pond", pond, "ledger", "restore", "backup-1.db", fails="invalid")
    millpond("--pond", pond, "ledger", "restore", "backup-1.db", "--yes")
    assert millpond("--pond", pond, "sql", COUNT) == [{"n": 2}]
    assert millpond("--pond", pond, "doctor")["healthy"]
    assert (tmp_path / "backup-1.db").read_bytes() == kept
    millpond("--pond", pond, "sync", "b.csv", "--table", "t")
    assert millpond("--pond", pond, "sql", COUNT) == [{"n": 3}]


@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_restores_a_lost_file(millpond: Any, tmp_path: Path, pond: str, damage: str) -> None:
    millpond("--pond", pond, "ledger", "backup", "backup.db")
    ledger = tmp_path / "pond" / "ledger.db"
    ledger.unlink()
    if damage == "garbage":
        ledger.write_bytes(b"this is not a database, though it is long enough to be looked at closely" * 100)
    millpond("--pond", pond, "ls", fails="not_found" if damage == "missing" else "corrupt")
    millpond("--pond", pond, "ledger", "restore", "backup.db", "--yes")
    assert millpond("--pond", pond, "sql", COUNT) == [{"n": 2}]
    assert len(list((tmp_path / "pond").glob("ledger.db.damaged-*"))) == (damage == "garbage")


def test_a_bad_backup_changes_nothing(millpond: Any, tmp_path: Path, pond: str) -> None:
    millpond("--pond", pond, "ledger", "restore", "no-such-file.db", "--yes", fails="not_found")
    millpond("--pond", pond, "ledger", "backup", "backup.db")
    whole = (tmp_path / "backup.db").read_bytes()
    (tmp_path / "cut.db").write_bytes(whole[: len(whole) // 2])
    millpond("--pond", pond, "ledger", "restore", "cut.db", "--yes", fails="corrupt")
    assert millpond("--pond", pond, "sql", COUNT) == [{"n": 2}]


def test_python_has_it_too(tmp_path: Path, database: str) -> None:
    mp = pytest.importorskip("millpond")
    pond = mp.init(tmp_path / "pond", ledger=f"{database}?schema=py")
    pond.append("t", pa.table({"id": [1]}))
    assert mp.ledger.show(tmp_path / "pond")["kind"] == "postgresql"
    mp.ledger.back_up(tmp_path / "pond", tmp_path / "backup.db")
    mp.ledger.move(tmp_path / "pond", "sqlite")
    with pytest.raises(mp.errors.UnavailableError):
        pond.append("t", pa.table({"id": [2]}))
    moved = mp.open(tmp_path / "pond")
    moved.append("t", pa.table({"id": [2]}))
    mp.ledger.restore(tmp_path / "pond", tmp_path / "backup.db")
    assert moved.sql("SELECT count(*) AS n FROM t").to_pylist() == [{"n": 1}]
    with pytest.raises(mp.errors.NotFoundError):
        mp.ledger.abandon_move(tmp_path / "pond")


@pytest.mark.slow
def test_kill_during_a_move_loses_nothing(
    program: Path, millpond: Any, tmp_path: Path, pond: str, database: str
) -> None:
    """Killed after any while, the pond is as before or moved, and the same command finishes the move."""
    for delay in [0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3]:
        copy = tmp_path / f"copy-{delay}"
        shutil.copytree(tmp_path / pond, copy)
        # Locations are absolute, so the copy serves for its ledger alone.
        url = f"{database}?schema=k{int(delay * 1000)}"
        moving = subprocess.Popen([str(program), "--pond", str(copy), "ledger", "move", url])
        try:
            moving.wait(delay)
        except subprocess.TimeoutExpired:
            moving.kill()
            moving.wait()
        if "schema" not in (copy / "millpond.toml").read_text():
            millpond("--pond", str(copy), "ledger", "move", url)
        assert len(millpond("--pond", str(copy), "log")["commits"]) == 1
