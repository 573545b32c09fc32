"""PyIceberg reads the pond's branches as Iceberg branches, and what it commits to one is adopted."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from server_fixtures import SparkServer

pyiceberg_sql = pytest.importorskip("pyiceberg.catalog.sql")

import millpond as mp  # noqa: E402


@pytest.fixture
def pond(tmp_path: Path) -> mp.Pond:
    pond = mp.init(tmp_path / "pond")
    pond.append("shop.orders", pa.table({"value": [1, 2]}))
    pond.append("shop.items", pa.table({"value": [9]}))
    return pond


def catalog_of(pond: mp.Pond) -> pyiceberg_sql.SqlCatalog:
    return pyiceberg_sql.SqlCatalog(
        "millpond", uri=f"sqlite:///{pond.folder}/ledger.db", warehouse=f"file://{pond.folder}/truth"
    )


def values(table: pa.Table) -> list[int]:
    return sorted(table["value"].to_pylist())


def test_branch_snapshots_are_read(pond: mp.Pond) -> None:
    pond.branch("exp")
    pond.append("shop.orders", pa.table({"value": [3]}), branch="exp")
    table = catalog_of(pond).load_table("shop.orders")
    refs = table.refs()
    assert set(refs) == {"main", "exp"}
    assert refs["exp"].snapshot_ref_type == "branch"
    assert values(table.scan(snapshot_id=refs["exp"].snapshot_id).to_arrow()) == [1, 2, 3]
    assert values(table.scan().to_arrow()) == [1, 2]
    assert set(catalog_of(pond).load_table("shop.items").refs()) == {"main"}


def test_columns_of_a_branch(pond: mp.Pond) -> None:
    pond.branch("exp")
    pond.append("shop.orders", pa.table({"value": [3], "note": ["new"]}), evolve=True, branch="exp")
    table = catalog_of(pond).load_table("shop.orders")
    assert table.schema().column_names == ["sample_id", "value"]
    exp = table.scan(snapshot_id=table.refs()["exp"].snapshot_id).to_arrow()
    assert exp.column_names == ["sample_id", "value", "note"]
    assert sorted(exp["note"].to_pylist(), key=str) == [None, None, "new"]


def test_a_table_of_a_branch_is_empty_elsewhere(pond: mp.Pond) -> None:
    pond.branch("exp")
    pond.append("shop.trials", pa.table({"value": [7]}), branch="exp")
    table = catalog_of(pond).load_table("shop.trials")
    assert table.current_snapshot() is None
    assert values(table.scan(snapshot_id=table.refs()["exp"].snapshot_id).to_arrow()) == [7]
    # Rows that PyIceberg puts on main make it a table of main.
    table.append(pa.table({"sample_id": [100], "value": [8]}, schema=table.schema().as_arrow()))
    assert values(pond.read("shop.trials").to_arrow()) == [8]
    assert values(pond.read("shop.trials@exp").to_arrow()) == [7]


def test_what_pyiceberg_commits_to_a_branch_is_adopted(pond: mp.Pond) -> None:
    pond.branch("exp")
    pond.append("shop.orders", pa.table({"value": [3]}), branch="exp")
    table = catalog_of(pond).load_table("shop.orders")
    schema = table.schema().as_arrow()
    table.append(pa.table({"sample_id": [50], "value": [4]}, schema=schema), branch="exp")
    assert values(pond.read("shop.orders@exp").to_arrow()) == [1, 2, 3, 4]
    assert values(pond.read("shop.orders").to_arrow()) == [1, 2]
    assert pond.status(branch="exp")["unrecorded"] == ["shop.orders"]
    assert pond.status()["unrecorded"] == []
    commit = pond.commit("rows from PyIceberg", branch="exp")
    assert [change["operation"] for change in commit["tables"]] == ["record"]
    assert pond.status(branch="exp")["unrecorded"] == []
    # Numbers go on past those of other engines on any branch.
    pond.append("shop.orders", pa.table({"value": [5]}))
    assert max(pond.read("shop.orders").to_arrow()["sample_id"].to_pylist()) > 50


def test_tags_on_branches(pond: mp.Pond) -> None:
    pond.branch("exp")
    pond.append("shop.orders", pa.table({"value": [3]}), branch="exp")
    pond.tag("best", "exp")
    table = catalog_of(pond).load_table("shop.orders")
    best = table.refs()["best"]
    assert best.snapshot_ref_type == "tag"
    assert values(table.scan(snapshot_id=best.snapshot_id).to_arrow()) == [1, 2, 3]
    pond.delete_branch("exp")
    assert set(catalog_of(pond).load_table("shop.orders").refs()) == {"main", "best"}
    assert values(pond.read("shop.orders@best").to_arrow()) == [1, 2, 3]


def test_the_loader_reads_a_dataset_frozen_from_a_branch(pond: mp.Pond) -> None:
    pond.branch("exp")
    pond.append("shop.orders", pa.table({"value": [3]}), branch="exp")
    pond.define_dataset({"name": "orders", "query": "SELECT * FROM shop.orders", "key": ["sample_id"]})
    there = pond.freeze("orders", "exp", at="exp")
    here = pond.freeze("orders", "main")
    assert there["inputs"][0]["snapshot"] != here["inputs"][0]["snapshot"]


def test_each_branch_syncs_where_its_own_rows_end(pond: mp.Pond, tmp_path: Path) -> None:
    source = tmp_path / "rows"
    source.mkdir()
    (source / "a.csv").write_text("value\n10\n")
    pond.sync(source, "shop.read")
    pond.branch("exp")
    (source / "b.csv").write_text("value\n20\n")
    pond.sync(source, "shop.read", branch="exp")
    (source / "c.csv").write_text("value\n30\n")
    pond.sync(source, "shop.read")
    assert values(pond.read("shop.read").to_arrow()) == [10, 20, 30]
    assert values(pond.read("shop.read@exp").to_arrow()) == [10, 20]
    assert pond.sync(source, "shop.read")["commit"] is None
    pond.sync(source, "shop.read", branch="exp")
    assert values(pond.read("shop.read@exp").to_arrow()) == [10, 20, 30]


@pytest.mark.slow
def test_spark_reads_a_branch_by_its_name(pond: mp.Pond, spark_server: SparkServer) -> None:
    pond.branch("exp")
    pond.append("shop.orders", pa.table({"value": [3]}), branch="exp")
    catalog = spark_server.jdbc_catalog(f"jdbc:sqlite:file:{pond.folder}/ledger.db", f"file://{pond.folder}/truth")
    select = f"SELECT value FROM {catalog}.shop.orders {{}} ORDER BY value"
    assert [row["value"] for row in spark_server.sql(select.format("VERSION AS OF 'exp'"))] == [1, 2, 3]
    assert [row["value"] for row in spark_server.sql(select.format(""))] == [1, 2]
    spark_server.sql(f"INSERT INTO {catalog}.shop.orders.branch_exp (sample_id, value) VALUES (70, 4)")
    assert values(pond.read("shop.orders@exp").to_arrow()) == [1, 2, 3, 4]
    assert values(pond.read("shop.orders").to_arrow()) == [1, 2]
