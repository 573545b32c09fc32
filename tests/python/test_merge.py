"""Merging, reverting and restoring from Python."""

from __future__ import annotations

from pathlib import Path

import millpond
import pyarrow as pa
import pytest


def _rows(pond: millpond.Pond, at: str = "") -> list[tuple[int, int]]:
    table = pond.sql("SELECT id, paid FROM shop.orders ORDER BY id", at=at).to_arrow()
    return list(zip(table["id"].to_pylist(), table["paid"].to_pylist(), strict=True))


@pytest.fixture
def pond(tmp_path: Path) -> millpond.Pond:
    pond = millpond.init(tmp_path / "pond")
    pond.append("shop.orders", pa.table({"id": [1, 2], "paid": [10, 20]}))
    pond.branch("exp")
    return pond


def test_joins_what_both_branches_added(pond: millpond.Pond) -> None:
    pond.append("shop.orders", pa.table({"id": [3], "paid": [30]}))
    pond.append("shop.orders", pa.table({"id": [4], "paid": [40]}), branch="exp")
    report = pond.merge("exp", message="together")
    assert report["result"] == "merge"
    assert report["commit"]["message"] == "together"
    assert _rows(pond) == [(1, 10), (2, 20), (3, 30), (4, 40)]
    assert pond.merge("main", into="exp")["result"] == "fast-forward"
    assert _rows(pond, "exp") == _rows(pond)


def test_a_conflict_is_an_error_that_a_dry_run_lists(pond: millpond.Pond) -> None:
    for branch, paid in (("main", 11), ("exp", 12)):
        rows = pa.table({"sample_id": [0, 1], "id": [1, 2], "paid": [paid, 20]})
        pond.write({"shop.orders": rows}, mode="overwrite", branch=branch)
    listed = pond.merge("exp", dry_run=True)
    assert listed["refused"]
    assert [conflict["theirs"]["paid"] for conflict in listed["conflicts"]] == [12]
    with pytest.raises(millpond.errors.ConflictError, match=r"1 conflict.*shop\.orders"):
        pond.merge("exp")
    pond.merge("exp", prefer="theirs")
    assert _rows(pond) == [(1, 12), (2, 20)]
    with pytest.raises(ValueError, match="prefer"):
        pond.merge("exp", prefer="mine")  # type: ignore[arg-type]


def test_revert_cherry_pick_and_restore(pond: millpond.Pond) -> None:
    first = pond.log(limit=1)[0]["commit"]
    pond.append("shop.orders", pa.table({"id": [3], "paid": [30]}))
    added = pond.log(limit=1)[0]["commit"]
    pond.append("shop.orders", pa.table({"id": [4], "paid": [40]}))
    assert pond.revert(added)["result"] == "committed"
    assert _rows(pond) == [(1, 10), (2, 20), (4, 40)]
    pond.cherry_pick(added, onto="exp")
    assert _rows(pond, "exp") == [(1, 10), (2, 20), (3, 30)]
    assert pond.restore("shop.orders", to=first)["tables"][0]["action"] == "move"
    assert _rows(pond) == [(1, 10), (2, 20)]
    assert pond.restore(to=first)["result"] == "nothing"


def test_values_of_every_kind_survive_a_join(pond: millpond.Pond) -> None:
    columns = {
        "sample_id": pa.array([1, 2, 3], pa.int64()),
        "hash": pa.array([b"\x00" * 4, None, b"abcd"], pa.binary(4)),
        "blob": pa.array([b"", b"\xff\x00", None], pa.binary()),
        "price": pa.array(["1.50", None, "-3.25"]).cast(pa.decimal128(9, 2)),
        "at": pa.array([0, 1, None], pa.timestamp("us", "UTC")),
        "day": pa.array([0, None, 2], pa.date32()),
        "ok": pa.array([True, False, None]),
        "x": pa.array([float("nan"), -0.0, None], pa.float32()),
        "tags": pa.array([["a", None], [], None], pa.list_(pa.string())),
        "place": pa.array([{"lat": 1.0, "near": [1]}, {"lat": None, "near": None}, None]),
        "scores": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int32())),
    }
    rows = pa.table(columns)
    pond.write({"shop.kinds": rows.slice(0, 1)})
    pond.branch("late")
    pond.append("shop.kinds", rows.slice(1, 1))
    pond.append("shop.kinds", rows.slice(2, 1), branch="late")
    report = pond.merge("late")
    assert [table["action"] for table in report["tables"]] == ["rows"]
    merged = pond.sql("SELECT * FROM shop.kinds ORDER BY sample_id").to_arrow()
    # NaN is not equal to itself.
    assert merged.drop_columns(["x"]).to_pylist() == rows.drop_columns(["x"]).to_pylist()
    assert str(merged["x"].to_pylist()) == str(rows["x"].to_pylist())
    assert pond.merge("main", into="late")["result"] == "fast-forward"


def test_a_repeated_key_is_named(pond: millpond.Pond) -> None:
    pond.append("shop.orders", pa.table({"id": [3], "paid": [30]}))
    pond.append("shop.orders", pa.table({"id": [4], "paid": [40]}), branch="exp")
    # Millpond refuses such rows; other engines do not.
    catalog = pytest.importorskip("pyiceberg.catalog.sql").SqlCatalog(
        "millpond", uri=f"sqlite:///{pond.folder}/ledger.db", warehouse=f"file://{pond.folder}/truth"
    )
    table = catalog.load_table("shop.orders")
    twice = pa.table({"sample_id": [77, 77], "id": [7, 8], "paid": [70, 80]}, schema=table.schema().as_arrow())
    table.append(twice, branch="exp")
    pond.commit("adopt", branch="exp")
    before = pond.log(limit=1)[0]["commit"]
    with pytest.raises(ValueError, match="more than one row has the key sample_id 77"):
        pond.merge("exp", prefer="theirs")
    assert pond.log(limit=1)[0]["commit"] == before
