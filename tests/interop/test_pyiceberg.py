"""PyIceberg opens the ledger file as its catalog: it reads what we wrote, and we read what it wrote."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import math
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

UTC = dt.UTC


class Pond:
    """A pond in a folder, driven through the engine's test program."""

    def __init__(self, driver: Path, folder: Path) -> None:
        self.driver = driver
        self.folder = folder
        self.counter = 0

    def start(self, verb: str, *words: object) -> subprocess.Popen[str]:
        """Begin a verb without waiting for it."""
        return subprocess.Popen(
            [self.driver, self.folder, verb, *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, verb: str, *words: object) -> Any:
        """Run a verb; its JSON answer, or an assertion error with its message."""
        process = self.start(verb, *words)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return json.loads(out)

    def fails(self, verb: str, *words: object) -> str:
        """Run a verb that must fail; its message."""
        process = self.start(verb, *words)
        _, err = process.communicate(timeout=120)
        assert process.returncode not in (0, -6, -11), err
        return err

    def rows_file(self, rows: pa.Table) -> Path:
        """Rows as an IPC stream file."""
        self.counter += 1
        path = self.folder / f"rows-{self.counter}.arrows"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        return path

    def write(self, verb: str, table: str, rows: pa.Table) -> Any:
        """Create, append, grow or overwrite with rows."""
        return self.run(verb, table, self.rows_file(rows))

    def read(self, table: str, *predicate: object) -> pa.Table:
        """All rows of a table at a ref."""
        self.counter += 1
        path = self.folder / f"read-{self.counter}.arrows"
        self.plan = self.run("read", table, path, *predicate)
        with pa.OSFile(str(path), "rb") as source:
            return pa.ipc.open_stream(source).read_all()

    def catalog(self) -> SqlCatalog:
        """The same pond, as PyIceberg sees it."""
        return SqlCatalog("millpond", uri=f"sqlite:///{self.folder}/ledger.db", warehouse=f"file://{self.folder}/truth")


@pytest.fixture
def pond(build_folder: Path, tmp_path: Path) -> Pond:
    """An empty pond."""
    driver = build_folder / "tests" / "interop" / "millpond_pond_driver"
    if not driver.is_file():
        pytest.skip(f"{driver} is not built")
    result = Pond(driver, tmp_path)
    result.run("init")
    return result


def all_types(start: int, count: int) -> pa.Table:
    """Rows of every type that a table holds; every third value is null."""

    def column(kind: pa.DataType, value: Callable[[int], object]) -> pa.Array:
        return pa.array([None if i % 3 == 2 else value(i) for i in range(start, start + count)], kind)

    point = pa.struct([("x", pa.float64()), ("names", pa.list_(pa.string()))])
    return pa.table(
        {
            "flag": column(pa.bool_(), lambda i: i % 2 == 0),
            "small": column(pa.int32(), lambda i: i - 5),
            "large": column(pa.int64(), lambda i: i * 10**12),
            "single": column(pa.float32(), lambda i: i / 4),
            "double": column(pa.float64(), lambda i: math.inf if i == 4 else i / 8),
            "price": column(pa.decimal128(12, 2), lambda i: Decimal(i * 5 - 7) / 4),
            "day": column(pa.date32(), lambda i: dt.date(2026, 1, 1) + dt.timedelta(days=i)),
            "moment": column(pa.timestamp("us"), lambda i: dt.datetime(1969, 12, 31, 23, 59, 59, i)),
            "zoned": column(pa.timestamp("us", "UTC"), lambda i: dt.datetime(2026, 1, 1, i % 24, tzinfo=UTC)),
            "text": column(pa.string(), lambda i: f"row {i} with a long tail of größe and 水車小屋"),
            "bytes": column(pa.binary(), lambda i: bytes([i % 256, 0, 255])),
            "fixed": column(pa.binary(4), lambda i: i.to_bytes(4, "big")),
            "vector": pa.array([[float(i), -1.5] for i in range(start, start + count)], pa.list_(pa.float32())),
            "labels": column(pa.map_(pa.string(), pa.int64()), lambda i: [("a", i), ("b", None)]),
            "point": column(point, lambda i: {"x": i / 2, "names": ["n", None, str(i)]}),
        }
    )


def values(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as Python values in sample_id order where there is one."""
    rows = table.to_pylist()
    return sorted(rows, key=lambda row: row["sample_id"]) if "sample_id" in table.column_names else rows


def with_ids(table: pa.Table, first: int = 0) -> pa.Table:
    """The rows with their sample_id."""
    ids = pa.array(range(first, first + len(table)), pa.int64())
    return table.append_column(pa.field("sample_id", pa.int64(), nullable=False), ids)


def test_pyiceberg_reads_every_type_over_several_appends(pond: Pond) -> None:
    first, second = all_types(0, 40), all_types(40, 25)
    pond.write("create", "shop.everything", with_ids(first))
    pond.write("append", "shop.everything", second)
    expected = pa.concat_tables([with_ids(first), with_ids(second, 40)])
    table = pond.catalog().load_table("shop.everything")
    assert values(table.scan().to_arrow()) == values(expected)
    assert values(pond.read("shop.everything")) == values(expected)
    assert table.schema().identifier_field_names() == {"sample_id"}
    assert table.current_snapshot().summary["total-records"] == "65"  # type: ignore[union-attr, index]


@pytest.mark.parametrize(
    ("filter_text", "column", "holds"),
    [
        ("large == 10000000000000", "large", lambda v: v == 10**13),
        ("small >= 8", "small", lambda v: v >= 8),
        ("text >= 'row 3'", "text", lambda v: v >= "row 3"),
        ("text > 'row 9 with a long tail of'", "text", lambda v: v > "row 9 with a long tail of"),
        ("day < '2026-01-03'", "day", lambda v: v < dt.date(2026, 1, 3)),
        ("moment >= '1969-12-31T23:59:59.000010'", "moment", lambda v: v.microsecond >= 10),
        ("price < 0", "price", lambda v: v < 0),
        ("flag == true", "flag", lambda v: v),
        ("double > 1000", "double", lambda v: v > 1000),
        ("large is null", "large", None),
        ("single >= 0.0 and single < 0.5", "single", lambda v: 0 <= v < 0.5),
    ],
)
def test_our_statistics_prune_rightly_for_pyiceberg(
    pond: Pond, filter_text: str, column: str, holds: Callable[[Any], bool] | None
) -> None:
    # One file a value range, so that a wrong bound loses rows.
    pond.write("create", "shop.everything", with_ids(all_types(0, 3)))
    for start in range(3, 20, 3):
        pond.write("append", "shop.everything", all_types(start, min(3, 20 - start)))
    everything = all_types(0, 20)[column].to_pylist()
    expected = sum(v is None if holds is None else v is not None and holds(v) for v in everything)
    assert expected > 0
    scan = pond.catalog().load_table("shop.everything").scan(row_filter=filter_text)
    assert len(scan.to_arrow()) == expected


def test_pyiceberg_sees_overwrites_and_tags(pond: Pond) -> None:
    rows = pa.table({"value": pa.array([1, 2, 3], pa.int64())})
    pond.write("create", "shop.orders", rows)
    pond.run("tag", "v1", "")
    pond.write("overwrite", "shop.orders", pa.table({"value": pa.array([9], pa.int64())}))
    table = pond.catalog().load_table("shop.orders")
    assert table.scan().to_arrow()["value"].to_pylist() == [9]
    tagged = table.scan(snapshot_id=table.snapshot_by_name("v1").snapshot_id)  # type: ignore[union-attr]
    assert tagged.to_arrow()["value"].to_pylist() == [1, 2, 3]
    assert pond.read("shop.orders@v1")["value"].to_pylist() == [1, 2, 3]
    operations = [snapshot.summary.operation.value for snapshot in table.snapshots() if snapshot.summary]
    assert operations == ["append", "overwrite"]
    assert len(table.inspect.files()) == 1
    assert len(table.inspect.entries()) == 2  # One added, one deleted.


def test_pyiceberg_sees_grown_schemas(pond: Pond) -> None:
    pond.write("create", "shop.orders", pa.table({"n": pa.array([1, 2], pa.int32())}))
    grown = pa.table({"n": pa.array([2**40], pa.int64()), "note": pa.array(["big"])})
    pond.write("grow", "shop.orders", grown)
    expected = [{"n": 1, "note": None}, {"n": 2, "note": None}, {"n": 2**40, "note": "big"}]
    scan = pond.catalog().load_table("shop.orders").scan()
    assert sorted(scan.to_arrow().to_pylist(), key=lambda row: row["n"]) == expected
    assert pond.read("shop.orders").to_pylist() == expected
    assert pond.read("shop.orders", "n", 2**40)["n"].to_pylist() == [2**40]
    assert pond.plan["files"] == 1 and pond.plan["files_total"] == 2


def test_we_read_what_pyiceberg_made(pond: Pond) -> None:
    rows = all_types(0, 30).drop_columns(["fixed"])
    catalog = pond.catalog()
    catalog.create_namespace("lake")
    table = catalog.create_table("lake.theirs", rows.schema)
    assert pond.read("lake.theirs").num_rows == 0
    table.append(rows)
    table.append(rows)
    assert values(pond.read("lake.theirs")) == values(pa.concat_tables([rows, rows]))
    table.overwrite(rows.slice(0, 5))
    assert values(pond.read("lake.theirs")) == values(rows.slice(0, 5))
    assert pond.run("unrecorded") == ["lake.theirs"]
    assert pond.run("record", "lake.theirs")["changes"] == [{"table": "lake.theirs", "operation": "record"}]
    assert pond.run("unrecorded") == []
    pond.run("tag", "v1", "")
    table = catalog.load_table("lake.theirs")
    table.delete("small == -5")
    assert len(pond.read("lake.theirs")) == 4
    assert len(pond.read("lake.theirs@v1")) == 5
    assert pond.run("verify") == []


def test_both_write_one_table(pond: Pond) -> None:
    pond.write("create", "shop.orders", with_ids(pa.table({"value": pa.array([1, 2], pa.int64())})))
    theirs = pa.table(
        {"value": pa.array([3], pa.int64()), "sample_id": pa.array([10], pa.int64())},
        schema=pa.schema([("value", pa.int64()), pa.field("sample_id", pa.int64(), nullable=False)]),
    )
    pond.catalog().load_table("shop.orders").append(theirs)
    commit = pond.write("append", "shop.orders", pa.table({"value": pa.array([4], pa.int64())}))
    assert commit["details"]["adopted"][0]["table"] == "shop.orders"
    expected = [(1, 0), (2, 1), (3, 10), (4, 11)]
    rows = pond.read("shop.orders")
    assert list(zip(rows["value"].to_pylist(), rows["sample_id"].to_pylist(), strict=True)) == expected
    assert pond.run("unrecorded") == []
    scan = pond.catalog().load_table("shop.orders").scan().to_arrow()
    assert sorted(scan["value"].to_pylist()) == [1, 2, 3, 4]


def test_metadata_is_compressed_and_read_by_both(pond: Pond) -> None:
    row = pa.table({"value": pa.array([1], pa.int64())})
    pond.write("create", "shop.orders", with_ids(row))
    table = pond.catalog().load_table("shop.orders")
    assert table.metadata_location.endswith(".gz.metadata.json")
    raw = Path(table.metadata_location.removeprefix("file://")).read_bytes()
    assert json.loads(gzip.decompress(raw))["table-uuid"] == str(table.metadata.table_uuid)
    assert table.properties["write.metadata.compression-codec"] == "gzip"
    # PyIceberg names its own files as it likes; the number goes on, and so do we.
    theirs = with_ids(row, 10).select([field.name for field in table.schema().fields])
    table.append(theirs)
    pond.write("append", "shop.orders", row)
    table = pond.catalog().load_table("shop.orders")
    assert Path(table.metadata_location).name.startswith("00002-")
    assert table.metadata_location.endswith(".gz.metadata.json")
    assert len(table.scan().to_arrow()) == len(pond.read("shop.orders")) == 3


def test_pyiceberg_evolves_and_we_go_on(pond: Pond) -> None:
    pond.write("create", "shop.orders", pa.table({"value": pa.array([1], pa.int64())}))
    table = pond.catalog().load_table("shop.orders")
    with table.update_schema() as update:
        update.add_column("note", StringType())
        update.rename_column("value", "amount")
    rows = pa.table({"amount": pa.array([2], pa.int64()), "note": pa.array(["x"])})
    pond.write("append", "shop.orders", rows)
    expected = [{"amount": 1, "note": None}, {"amount": 2, "note": "x"}]
    assert pond.read("shop.orders").to_pylist() == expected
    scan = pond.catalog().load_table("shop.orders").scan().to_arrow().to_pylist()
    assert sorted(scan, key=lambda row: row["amount"]) == expected


def test_drops_and_new_tables_of_one_name(pond: Pond) -> None:
    pond.write("create", "shop.orders", pa.table({"value": [1]}))
    pond.catalog().drop_table("shop.orders")
    assert pond.run("unrecorded") == ["shop.orders"]
    assert pond.run("record", "shop.orders")["changes"][0]["operation"] == "drop"
    pond.write("create", "shop.orders", pa.table({"text": ["a"]}))
    assert pond.catalog().load_table("shop.orders").scan().to_arrow()["text"].to_pylist() == ["a"]
    assert pond.read("shop.orders@~2")["value"].to_pylist() == [1]
    assert pond.run("orphans") == []
    assert pond.read("shop.orders@~2")["value"].to_pylist() == [1]


def test_partitioned_tables_are_read_and_not_written(pond: Pond) -> None:
    catalog = pond.catalog()
    catalog.create_namespace("lake")
    schema = Schema(NestedField(1, "country", StringType()), NestedField(2, "amount", LongType()))
    spec = PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "country"))
    table = catalog.create_table("lake.sales", schema, partition_spec=spec)
    rows = pa.table({"country": ["de", "fr", "de"], "amount": pa.array([1, 7, 3], pa.int64())})
    table.append(rows)
    assert sorted(pond.read("lake.sales")["amount"].to_pylist()) == [1, 3, 7]
    assert pond.read("lake.sales", "amount", 7)["amount"].to_pylist() == [7]
    assert "lake.sales is partitioned" in pond.fails("append", "lake.sales", pond.rows_file(rows))


def test_writers_of_both_kinds_at_once(pond: Pond) -> None:
    each, ours = 12, 3
    pond.write("create", "shop.orders", pa.table({"value": pa.array([-1], pa.int64())}))
    processes = [pond.start("hammer", "shop.orders", each, 1000 * (i + 1)) for i in range(ours)]
    catalog = pond.catalog()
    for value in range(each):
        rows = pa.table({"value": pa.array([value], pa.int64())})
        for _ in range(200):
            try:
                catalog.load_table("shop.orders").append(rows)
                break
            except CommitFailedException:
                continue
        else:
            pytest.fail("PyIceberg never got through")
    for process in processes:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    expected = [-1, *range(each), *(1000 * (i + 1) + n for i in range(ours) for n in range(each))]
    assert sorted(pond.read("shop.orders")["value"].to_pylist()) == expected
    sequences = [commit["sequence"] for commit in pond.run("log")]
    assert sequences == list(range(len(sequences), 0, -1))
    assert pond.run("verify") == []


def test_four_processes_append_to_one_table(pond: Pond) -> None:
    each, processes = 50, 4
    pond.write("create", "shop.orders", pa.table({"sample_id": pa.array([0], pa.int64()), "value": [-1]}))
    running = [pond.start("hammer", "shop.orders", each, 1000 * i) for i in range(processes)]
    sequences = []
    for process in running:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        sequences += json.loads(out)
    assert sorted(sequences) == list(range(2, each * processes + 2))
    rows = pond.read("shop.orders")
    expected = [-1, *(1000 * i + n for i in range(processes) for n in range(each))]
    assert sorted(rows["value"].to_pylist()) == expected
    assert sorted(rows["sample_id"].to_pylist()) == list(range(each * processes + 1))
    log = pond.run("log")
    assert [commit["sequence"] for commit in log] == list(range(each * processes + 1, 0, -1))
    assert pond.run("verify") == []
    # What lost races wrote was removed by those who lost.
    assert pond.run("orphans") == []
    table = pond.catalog().load_table("shop.orders")
    assert len(table.scan().to_arrow()) == each * processes + 1
