"""Restoring a ledger that is older than the metadata files which its tables keep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ROWS = "SELECT id FROM t ORDER BY id"
KEEP = {"MILLPOND_TABLE_METADATA_VERSIONS_MAX": "2"}


def ids(millpond: Any, ref: str = "") -> list[int]:
    return [row["id"] for row in millpond("--pond", "pond", "sql", f"SELECT id FROM t{ref} ORDER BY id")]


def append(millpond: Any, tmp_path: Path, first: int, count: int, *more: str) -> None:
    for number in range(first, first + count):
        (tmp_path / f"{number}.csv").write_text(f"id\n{number}\n")
        millpond("--pond", "pond", "sync", f"{number}.csv", "--table", "t", *more, **KEEP)


def metadata_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "pond" / "truth").rglob("*.metadata.json"))


@pytest.fixture
def pond(millpond: Any, tmp_path: Path) -> str:
    """A table of two rows on main and three on a branch."""
    millpond("init", "pond")
    append(millpond, tmp_path, 1, 2)
    millpond("--pond", "pond", "branch", "exp")
    append(millpond, tmp_path, 50, 1, "--branch", "exp")
    return "pond"


@pytest.mark.parametrize("later", [1, 3, 7], ids=["file is there", "log names it", "snapshot list"])
def test_tables_are_what_the_backup_recorded(millpond: Any, tmp_path: Path, pond: str, later: int) -> None:
    millpond("--pond", pond, "ledger", "backup", "old.db")
    named = metadata_files(tmp_path)[-1]
    append(millpond, tmp_path, 3, later)
    append(millpond, tmp_path, 90, 1, "--branch", "exp")
    millpond("--pond", pond, "branch", "later")
    append(millpond, tmp_path, 95, 1, "--branch", "later")
    trimmed = not named.exists()
    report = millpond("--pond", pond, "ledger", "restore", "old.db", "--yes")
    assert [one["table"] for one in report["repaired"]] == ["main.t"] * trimmed
    assert report["lost"] == []
    assert ids(millpond) == [1, 2]
    assert ids(millpond, "@exp") == [1, 2, 50]
    assert millpond("--pond", pond, "status")["unrecorded"] == []
    assert millpond("--pond", pond, "doctor")["healthy"]
    # It goes on from there, and nothing of what came later is seen again.
    append(millpond, tmp_path, 3, 1)
    append(millpond, tmp_path, 4, 1, "--branch", "exp")
    millpond("--pond", pond, "branch", "later")
    assert ids(millpond, "@later") == [1, 2, 3]
    millpond("--pond", pond, "doctor", "--remove-orphans", "--grace-hours", "0")
    assert ids(millpond) == [1, 2, 3]
    assert ids(millpond, "@exp") == [1, 2, 4, 50]
    assert ids(millpond, "@main~1") == [1, 2]
    assert millpond("--pond", pond, "doctor", "--deep")["healthy"]


def test_what_another_engine_wrote_before_the_backup_stays(millpond: Any, tmp_path: Path, pond: str) -> None:
    sql = pytest.importorskip("pyiceberg.catalog.sql")
    pa = pytest.importorskip("pyarrow")
    place = tmp_path / "pond"
    catalog = sql.SqlCatalog("millpond", uri=f"sqlite:///{place}/ledger.db", warehouse=f"file://{place}/truth")
    table = catalog.load_table("main.t")
    schema = table.schema().as_arrow()
    table.append(
        pa.table({"sample_id": [1000], "id": [7]}, schema=pa.schema([schema.field("sample_id"), schema.field("id")]))
    )
    millpond("--pond", pond, "ledger", "backup", "old.db")
    append(millpond, tmp_path, 8, 3)
    report = millpond("--pond", pond, "ledger", "restore", "old.db", "--yes")
    assert len(report["repaired"]) == 1
    assert ids(millpond) == [1, 2, 7]
    reread = catalog.load_table("main.t")
    assert sorted(reread.scan().to_arrow()["id"].to_pylist()) == [1, 2, 7]


def test_a_table_that_no_file_knows_is_named(millpond: Any, tmp_path: Path, program: Path, pond: str) -> None:
    millpond("--pond", pond, "ledger", "backup", "old.db")
    append(millpond, tmp_path, 3, 4)
    for file in metadata_files(tmp_path):
        file.rename(file.with_suffix(".kept"))
    message = millpond("--pond", pond, "sql", ROWS, fails="corrupt")
    assert "missing" in message
    report = millpond("--pond", pond, "ledger", "restore", "old.db", "--yes", answers_no=True)
    assert [one["subject"] for one in report["lost"]] == ["main.t"]
    assert "restore" in report["lost"][0]["problem"]
    # With the files back, doctor can do what the restore could not.
    for file in (tmp_path / "pond" / "truth").rglob("*.kept"):
        file.rename(file.with_suffix(".json"))
    findings = millpond("--pond", pond, "doctor", answers_no=True)["findings"]
    assert {"main.t", "orphans"} <= {one["subject"] for one in findings}
    repaired = millpond("--pond", pond, "doctor", "--repair")
    assert repaired["healthy"]
    assert len(repaired["repaired"]) == 1
    assert ids(millpond) == [1, 2]
