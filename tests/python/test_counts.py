"""Row counts of ls, show and diff are those of living rows; diff compares a column only with itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import millpond as mp
import pyarrow as pa
import pytest


@pytest.fixture
def pond(tmp_path: Path) -> Iterator[mp.Pond]:
    """An empty pond."""
    yield mp.init(tmp_path / "pond")


def rows_of(pond: mp.Pond, table: str = "main.t") -> Any:
    """What ls says."""
    return next(entry["rows"] for entry in pond.tables() if entry["table"] == table)


@pytest.mark.parametrize("version", ["2", "3"])
def test_deleted_rows_are_not_counted(pond: mp.Pond, version: str) -> None:
    """Position deletes (v2) and deletion vectors (v3)."""
    pond.append("t", pa.table({"n": list(range(1000))}))
    pond.set_properties("t", {"format-version": version, "write.delete.mode": "merge-on-read"})
    before = pond.log()[0]["commit"]
    assert pond.sql("DELETE FROM t WHERE n % 100 = 7").to_pylist()[0]["rows_deleted"] == 10
    assert rows_of(pond) == pond.show("t")["rows"] == 990
    (entry,) = pond.diff(before)
    assert (entry["rows_before"], entry["rows_after"]) == (1000, 990)
    assert entry["rows"] == {"added": 0, "removed": 10, "changed": 0}


def test_a_column_made_anew_is_another_column(pond: mp.Pond) -> None:
    """Of another type under the same name: not compared with the one that was."""
    pond.append("t", pa.table({"n": pa.array([1, 2], pa.int64())}))
    first = pond.log()[0]["commit"]
    pond.alter("t", ["drop", "n"])
    pond.alter("t", ["add", "n", "string"])
    pond.sql("INSERT INTO t (n) VALUES ('abc')")
    (entry,) = pond.diff(first)
    assert entry["rows"] == {"added": 1, "removed": 0, "changed": 0}
    assert entry["columns"] == {"added": ["n"], "removed": ["n"], "changed": []}


def test_a_table_made_anew_is_another_table(pond: mp.Pond) -> None:
    """Dropped and made again: said so, and nothing is compared."""
    pond.append("t", pa.table({"n": [1, 2]}))
    first = pond.log()[0]["commit"]
    pond.commit("drop", drop=["t"])
    pond.append("t", pa.table({"n": ["a", "b", "c"]}))
    (entry,) = pond.diff(first)
    assert entry["change"] == "replaced"
    assert entry["rows"] == {"added": 3, "removed": 2, "changed": 0}
