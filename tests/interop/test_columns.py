"""Columns that PyIceberg changes, and files that it takes in as they are: SQL reads them as PyIceberg does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pyiceberg_sql = pytest.importorskip("pyiceberg.catalog.sql")

import millpond as mp  # noqa: E402
from pyiceberg.partitioning import PartitionField, PartitionSpec  # noqa: E402
from pyiceberg.schema import Schema  # noqa: E402
from pyiceberg.transforms import IdentityTransform  # noqa: E402
from pyiceberg.types import DoubleType, IntegerType, LongType, NestedField, StringType  # noqa: E402


class Lake:
    """A pond with a namespace, and the same as PyIceberg sees it."""

    def __init__(self, folder: Path) -> None:
        self.pond = mp.init(folder / "pond")
        self.folder = folder
        self.catalog = pyiceberg_sql.SqlCatalog(
            "millpond", uri=f"sqlite:///{self.pond.folder}/ledger.db", warehouse=f"file://{self.pond.folder}/truth"
        )
        self.catalog.create_namespace("lake")

    def make(self, *fields: NestedField, **options: Any) -> Any:
        """A new table lake.t."""
        return self.catalog.create_table("lake.t", Schema(*fields), **options)

    def file(self, name: str, rows: pa.Table) -> str:
        """A Parquet file without field ids, beside the pond's tables."""
        path = Path(self.pond.folder) / "truth" / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)
        return f"file://{path}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a statement gives, sorted."""
        table = self.pond.sql(sql).to_arrow()
        return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True), key=repr)

    def agree(self) -> list[tuple[Any, ...]]:
        """All rows of the table, which must be those that PyIceberg reads."""
        theirs = self.catalog.load_table("lake.t").scan().to_arrow()
        names = ", ".join(f'"{name}"' for name in theirs.column_names)
        expected = sorted(zip(*(column.to_pylist() for column in theirs.columns), strict=True), key=repr)
        assert self.rows(f"SELECT {names} FROM lake.t") == expected
        return expected


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_columns_that_change_between_files_of_both(lake: Lake) -> None:
    table = lake.make(NestedField(1, "a", IntegerType()), NestedField(2, "b", LongType()))
    table.append(pa.table({"a": pa.array([1], pa.int32()), "b": [10]}))
    lake.pond.append("lake.t", pa.table({"a": pa.array([2], pa.int32()), "b": [20]}))
    table = lake.catalog.load_table("lake.t")
    with table.update_schema() as update:
        update.rename_column("b", "c")
        update.update_column("a", LongType())
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.add_column("b", DoubleType())
    table.append(pa.table({"a": [2**40], "c": [30], "b": [0.5]}))
    lake.pond.append("lake.t", pa.table({"a": [4], "c": [40], "b": [1.5]}))
    assert lake.agree() == [(1, 10, None), (1099511627776, 30, 0.5), (2, 20, None), (4, 40, 1.5)]
    assert lake.rows("SELECT a FROM lake.t WHERE c = 10") == [(1,)]
    assert lake.rows("SELECT a FROM lake.t WHERE b IS NULL") == [(1,), (2,)]
    assert lake.rows("SELECT a FROM lake.t WHERE a > 3") == [(1099511627776,), (4,)]
    table = lake.catalog.load_table("lake.t")
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("c")
    with table.update_schema() as update:
        update.add_column("c", StringType())
    lake.pond.append("lake.t", pa.table({"a": [5], "b": [2.5], "c": ["new"]}))
    assert lake.rows("SELECT count(*), count(c), min(c) FROM lake.t") == [(5, 1, "new")]
    lake.agree()


def test_names_that_differ_by_case_alone(lake: Lake) -> None:
    table = lake.make(NestedField(1, "A", LongType()), NestedField(2, "a", LongType()))
    table.append(pa.table({"A": [1], "a": [2]}))
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("A")
    # The file still has both, and a reader that took the first would give 1.
    assert lake.rows("SELECT a FROM lake.t") == [(2,)]
    lake.pond.append("lake.t", pa.table({"a": [3]}))
    assert lake.agree() == [(2,), (3,)]


def test_files_without_field_ids_are_read_by_the_name_mapping(lake: Lake) -> None:
    table = lake.make(NestedField(1, "id", LongType()), NestedField(2, "price", DoubleType()))
    files = [
        lake.file("a.parquet", pa.table({"id": [1, 2], "price": [0.5, 1.5]})),
        # Narrower than the table: still no reason to look for ids that the file does not have.
        lake.file("b.parquet", pa.table({"id": pa.array([3], pa.int32()), "price": pa.array([2.5], pa.float32())})),
    ]
    table.add_files(files)
    assert lake.agree() == [(1, 0.5), (2, 1.5), (3, 2.5)]
    with table.update_schema() as update:
        update.rename_column("id", "number")
    table = lake.catalog.load_table("lake.t")
    table.append(pa.table({"number": [4], "price": [3.5]}))
    assert lake.agree() == [(1, 0.5), (2, 1.5), (3, 2.5), (4, 3.5)]
    assert lake.rows("SELECT number FROM lake.t WHERE number = 3") == [(3,)]
    # A name that another column takes over in the mapping goes with it.
    with table.update_schema() as update:
        update.add_column("id", LongType())
    assert lake.agree() == [(4, 3.5, None), (None, 0.5, 1), (None, 1.5, 2), (None, 2.5, 3)]


def test_a_file_with_names_that_differ_by_case_alone_is_refused(lake: Lake) -> None:
    table = lake.make(NestedField(1, "A", LongType()), NestedField(2, "a", LongType()))
    table.add_files([lake.file("a.parquet", pa.table({"A": [1], "a": [2]}))])
    with table.update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("A")
    with pytest.raises(ValueError, match=r"a\.parquet: the file has columns A and a"):
        lake.rows("SELECT a FROM lake.t")


def test_many_partitions_are_read_as_one(lake: Lake) -> None:
    spec = PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "country"))
    table = lake.make(
        NestedField(1, "country", StringType()), NestedField(2, "amount", LongType()), partition_spec=spec
    )
    countries = [f"c{number}" for number in range(20)]
    table.append(pa.table({"country": countries, "amount": range(20)}))
    assert len(lake.agree()) == 20
    assert lake.rows("SELECT country, amount FROM lake.t WHERE country = 'c7'") == [("c7", 7)]
    assert "UNION" not in lake.pond.explain("SELECT * FROM lake.t")["plan"]
