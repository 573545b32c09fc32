"""PyIceberg and Spark read tables that were compacted, merged and expired, and what they write beside is kept."""

from __future__ import annotations

import subprocess
from pathlib import Path

import millpond as mp
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType
from server_fixtures import SparkServer

NOW = {"history.expire.max-snapshot-age-ms": "1", "history.expire.min-snapshots-to-keep": "1"}


SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "kind", StringType()))


def catalog_of(folder: Path) -> SqlCatalog:
    """The pond as PyIceberg sees it."""
    return SqlCatalog("millpond", uri=f"sqlite:///{folder}/ledger.db", warehouse=f"file://{folder}/truth")


def rows_of(folder: Path, table: str) -> list[tuple[object, ...]]:
    """All rows as PyIceberg has them, in an order of their own."""
    rows = catalog_of(folder).load_table(table).scan().to_arrow()
    return sorted(zip(*(rows[name].to_pylist() for name in sorted(rows.column_names)), strict=True))


def fill(pond: mp.Pond, version: int) -> None:
    """shop.orders: twelve files, two with deletes beside them."""
    modes = {"write.delete.mode": "merge-on-read", "write.update.mode": "merge-on-read"}
    pond.create("shop.orders", "id BIGINT NOT NULL, kind VARCHAR", properties=modes | NOW, format_version=version)
    for part in range(12):
        ids = range(part * 50, part * 50 + 50)
        pond.append("shop.orders", pa.table({"id": ids, "kind": [f"k{n % 3}" for n in ids]}))
    pond.delete("shop.orders", "id < 10 OR id = 75")
    pond.update("shop.orders", {"kind": "'new'"}, where="id IN (120, 121)")


@pytest.mark.parametrize("version", [2, 3])
def test_pyiceberg_reads_what_upkeep_leaves(tmp_path: Path, version: int) -> None:
    pond = mp.init(tmp_path / "pond")
    fill(pond, version)
    before = rows_of(tmp_path / "pond", "shop.orders")
    ours = pond.sql("SELECT * FROM shop.orders ORDER BY sample_id").to_pylist()
    pond.tag("v1")
    merged = pond.upkeep(only=["manifests"]).steps[0]
    assert merged.details["manifests_before"] > 10
    assert merged.details["manifests_after"] == 3  # Of deletes there are but two.
    assert rows_of(tmp_path / "pond", "shop.orders") == before
    report = pond.upkeep()
    assert report.failed == 0
    done = {step.step: step for step in report.steps}
    assert done["compact"].details["files_after"] == 1
    assert done["compact"].details["rows_deleted"] == 13
    assert done["expire"].details["snapshots_expired"] > 10
    pond.upkeep(only=["orphans"], grace_hours=0)
    assert rows_of(tmp_path / "pond", "shop.orders") == before
    assert pond.sql("SELECT * FROM shop.orders ORDER BY sample_id").to_pylist() == ours
    assert pond.sql("SELECT * FROM shop.orders AT TAG v1 ORDER BY sample_id").to_pylist() == ours
    table = catalog_of(tmp_path / "pond").load_table("shop.orders")
    files = table.inspect.files().to_pylist()
    assert [file["record_count"] for file in files] == [589]
    tagged = table.scan(snapshot_id=table.metadata.refs["v1"].snapshot_id).to_arrow()
    assert tagged.num_rows == 589
    assert pond.doctor(deep=True)["healthy"]
    assert all(step.outcome == "nothing" for step in pond.upkeep().steps)


def test_lineage_stays_in_version_3(tmp_path: Path) -> None:
    pond = mp.init(tmp_path / "pond")
    fill(pond, 3)
    lineage = "SELECT id, _row_id, _last_updated_sequence_number AS changed FROM shop.orders ORDER BY id"
    before = pond.sql(lineage).to_pylist()
    assert pond.upkeep(only=["compact"]).steps[0].outcome == "done"
    assert pond.sql(lineage).to_pylist() == before


def test_partitions_of_another_engine_are_compacted_apart(tmp_path: Path) -> None:
    pond = mp.init(tmp_path / "pond")
    catalog = catalog_of(tmp_path / "pond")
    catalog.create_namespace("shop")
    rows = pa.table({"id": pa.array(range(30), pa.int64()), "kind": [f"k{n % 3}" for n in range(30)]})
    spec = PartitionSpec(PartitionField(source_id=2, field_id=1000, transform=IdentityTransform(), name="kind"))
    table = catalog.create_table("shop.events", SCHEMA, partition_spec=spec, properties=NOW)
    for _ in range(6):
        table.append(rows)
    table.delete("id = 7")
    before = rows_of(tmp_path / "pond", "shop.events")
    assert len(table.inspect.files()) > 15
    report = pond.upkeep()
    assert report.failed == 0, report
    pond.upkeep(only=["orphans"], grace_hours=0)
    assert rows_of(tmp_path / "pond", "shop.events") == before
    table = catalog.load_table("shop.events")
    assert len(table.inspect.files()) == 3
    found = table.scan(row_filter="kind = 'k1'").to_arrow()
    assert (found.num_rows, set(found["kind"].to_pylist())) == (len([r for r in before if r[1] == "k1"]), {"k1"})
    table.append(rows)
    assert len(rows_of(tmp_path / "pond", "shop.events")) == len(before) + 30


def test_steps_do_not_hold_up_each_other(tmp_path: Path) -> None:
    pond = mp.init(tmp_path / "pond")
    fill(pond, 2)
    pond.append("shop.other", pa.table({"id": [1]}))
    # A data file that is gone: compaction of that table must fail, and only that.
    next(iter((tmp_path / "pond" / "truth" / "shop").glob("orders-*/data/*.parquet"))).unlink()
    report = pond.upkeep()
    outcomes = {(step.table, step.step): step.outcome for step in report.steps}
    assert outcomes["shop.orders", "compact"] == "failed"
    assert outcomes["shop.orders", "expire"] == "done"
    assert outcomes["shop.other", "compact"] == "nothing"
    assert report.failed == 1
    assert next(step for step in report.steps if step.outcome == "failed").error


def test_a_frozen_dataset_keeps_its_snapshot(tmp_path: Path) -> None:
    pond = mp.init(tmp_path / "pond")
    pond.create("shop.orders", "id BIGINT NOT NULL, kind VARCHAR", properties=NOW)
    pond.append("shop.orders", pa.table({"id": range(40), "kind": ["a"] * 40}))
    (tmp_path / "d.yaml").write_text(
        "name: d\nquery: SELECT sample_id, id FROM shop.orders\nkey: [sample_id]\n"
        "split: {by: hash, parts: {train: 0.5, test: 0.5}, seed: 1}\n"
    )
    pond.define_dataset(tmp_path / "d.yaml")
    pond.freeze("d", "v1")
    for n in range(8):
        pond.append("shop.orders", pa.table({"id": [n], "kind": ["c"]}))
    report = pond.upkeep(grace_hours=0)
    assert report.failed == 0
    pond.upkeep(only=["orphans"], grace_hours=0)
    rows = sum(
        len(batch["id"])
        for part in ("train", "test")
        for batch in pond.dataset("d@v1").split(part).loader(batch_size=8, seed=0)
    )
    assert rows == 40
    with pytest.raises(mp.errors.NotFoundError, match="expired by upkeep on"):
        pond.sql("SELECT count(*) FROM shop.orders", at="~4").to_pylist()


def test_two_at_once_and_writers_beside_them(program: Path, tmp_path: Path) -> None:
    pond = mp.init(tmp_path / "pond")
    fill(pond, 2)
    command = [program, "--pond", tmp_path / "pond", "upkeep"]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for n in range(10):
        pond.append("shop.orders", pa.table({"id": [1000 + n], "kind": ["late"]}))
    for run in runs:
        _, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors
    assert len(rows_of(tmp_path / "pond", "shop.orders")) == 599
    assert pond.sql("SELECT count(*) AS n FROM shop.orders WHERE kind = 'late'").to_pylist() == [{"n": 10}]
    assert pond.doctor(deep=True)["healthy"]


@pytest.mark.slow
@pytest.mark.parametrize("version", [2, 3])
def test_spark_reads_what_upkeep_leaves(tmp_path: Path, spark_server: SparkServer, version: int) -> None:
    pond = mp.init(tmp_path / "pond")
    fill(pond, version)
    ours = [(row["id"], row["kind"]) for row in pond.sql("SELECT id, kind FROM shop.orders ORDER BY id").to_pylist()]
    folder = tmp_path / "pond"
    catalog = spark_server.jdbc_catalog(f"jdbc:sqlite:file:{folder}/ledger.db", f"file://{folder}/truth")
    assert pond.upkeep().failed == 0
    pond.upkeep(only=["orphans"], grace_hours=0)
    rows = spark_server.sql(f"SELECT id, kind FROM {catalog}.shop.orders ORDER BY id")
    assert [(row["id"], row["kind"]) for row in rows] == ours
    spark_server.sql(f"DELETE FROM {catalog}.shop.orders WHERE id = 300")
    assert pond.sql("SELECT count(*) AS n FROM shop.orders").to_pylist() == [{"n": 588}]
    assert pond.upkeep().failed == 0
    assert pond.sql("SELECT count(*) AS n FROM shop.orders").to_pylist() == [{"n": 588}]
