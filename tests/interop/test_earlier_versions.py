"""Ponds made by earlier versions open, read as they did, and take commits and branches."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import millpond as mp
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ponds import unpack


@pytest.fixture
def pond(tmp_path: Path) -> mp.Pond:
    return mp.open(unpack("pond_v1", tmp_path))


def values(pond: mp.Pond, table: str) -> list[int]:
    return sorted(pond.read(table).to_arrow()["value"].to_pylist())


def test_version_1_reads_as_it_did(pond: mp.Pond) -> None:
    assert [commit["sequence"] for commit in pond.log()] == [7, 6, 5, 4, 3, 2, 1]
    assert [table["table"] for table in pond.tables()] == ["shop.orders", "shop.returns"]
    assert values(pond, "shop.orders") == [20]
    assert values(pond, "shop.orders@v1") == [10, 11, 12]
    assert values(pond, "shop.orders@~3") == [10, 11, 12, 13]
    assert [table["table"] for table in pond.tables(at="~4")] == ["shop.items", "shop.orders"]
    assert pond.read("shop.items@~4").to_arrow()["name"].to_pylist() == ["bolt"]
    assert pond.doctor(deep=True)["healthy"]


def test_version_1_goes_on(pond: mp.Pond) -> None:
    pond.append("shop.orders", pa.table({"value": [21]}))
    pond.branch("exp", "v1")
    pond.append("shop.orders", pa.table({"value": [99]}), branch="exp")
    assert values(pond, "shop.orders") == [20, 21]
    assert values(pond, "shop.orders@exp") == [10, 11, 12, 99]
    assert values(pond, "shop.orders@exp~1") == [10, 11, 12]
    # A table that was dropped since lives on where the branch began before that.
    pond.branch("items", "~5")
    pond.append("shop.items", pa.table({"name": ["nut"]}), branch="items")
    assert sorted(pond.read("shop.items@items").to_arrow()["name"].to_pylist()) == ["bolt", "nut"]
    assert [table["table"] for table in pond.tables()] == ["shop.orders", "shop.returns"]
    assert pond.doctor(deep=True)["healthy"]


def test_cursors_of_version_1_belong_to_its_last_commit(pond: mp.Pond) -> None:
    with sqlite3.connect(pond.folder / "ledger.db") as ledger:
        rows = ledger.execute("SELECT source, lane, generation FROM source_cursor").fetchall()
        version = ledger.execute("SELECT version FROM ledger_version").fetchone()[0]
    assert rows == [("file:///data/orders.csv", "main", 7)]
    assert version >= 2
