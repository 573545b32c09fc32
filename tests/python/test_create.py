"""Tables with stated columns."""

from __future__ import annotations

from pathlib import Path

import millpond as mp
import pyarrow as pa
import pytest


@pytest.fixture
def pond(tmp_path: Path) -> mp.Pond:
    return mp.init(tmp_path / "pond")


def test_columns_are_as_stated(pond: mp.Pond) -> None:
    made = pond.create("shop.orders", "id BIGINT NOT NULL, price DECIMAL(10, 2), tags VARCHAR[]", key=["id"])
    assert [(c["name"], c["required"]) for c in made["columns"]] == [
        ("sample_id", True),
        ("id", True),
        ("price", False),
        ("tags", False),
    ]
    rows = pa.table({"id": [7], "tags": [["a", "b"]]})
    pond.append("shop.orders", rows)
    assert pond.sql("SELECT id, price, tags FROM shop.orders").to_arrow().to_pylist() == [
        {"id": 7, "price": None, "tags": ["a", "b"]}
    ]


def test_a_table_of_format_3_keeps_row_ids(pond: mp.Pond) -> None:
    pond.create("shop.events", "id BIGINT", format_version=3)
    pond.append("shop.events", pa.table({"id": [1, 2, 3]}))
    pond.delete("shop.events", "id = 1")
    ids = pond.sql("SELECT id, _row_id FROM shop.events ORDER BY id").to_arrow().to_pylist()
    assert ids == [{"id": 2, "_row_id": 1}, {"id": 3, "_row_id": 2}]


def test_a_table_made_on_a_branch(pond: mp.Pond) -> None:
    pond.append("shop.orders", pa.table({"id": [1]}))
    pond.branch("exp")
    pond.create("shop.trial", "id BIGINT", branch="exp")
    pond.append("shop.trial", pa.table({"id": [5]}), branch="exp")
    assert pond.read("shop.trial@exp").to_arrow()["id"].to_pylist() == [5]
    assert [table["table"] for table in pond.tables()] == ["shop.orders"]


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ("", "columns"),
        ("id", "columns"),
        ("id BIGINT,", "columns"),
        ("id BIGINT, ID VARCHAR", "ID"),
        ("id NOTATYPE", "NOTATYPE"),
        ("id UUID", "uuid"),
        ("at TIME", "time"),
        ("id BIGINT) --", "BIGINT"),
        ("id BIGINT; DROP TABLE x", "BIGINT"),
    ],
)
def test_what_is_not_a_list_of_columns_is_refused(pond: mp.Pond, columns: str, word: str) -> None:
    with pytest.raises(mp.errors.InvalidError, match="(?i)" + word):
        pond.create("shop.t", columns)
    assert pond.tables() == []


def test_a_name_that_is_taken_is_refused(pond: mp.Pond) -> None:
    pond.create("shop.t", "id BIGINT")
    with pytest.raises(mp.errors.AlreadyExistsError):
        pond.create("shop.t", "id BIGINT")
    with pytest.raises(mp.errors.InvalidError, match="format"):
        pond.create("shop.u", "id BIGINT", format_version=4)
