"""PyIceberg reads the manifests that we write.

The files are committed; ``src/table/manifest_test.cc`` fails when what the engine writes is no longer what they hold.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyiceberg.avro.file import AvroFile
from pyiceberg.io.pyarrow import PyArrowFileIO
from pyiceberg.manifest import (
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    read_manifest_list,
)
from pyiceberg.schema import Schema

IO = PyArrowFileIO()


@pytest.fixture(scope="session")
def fixtures(repository: Path) -> Path:
    """The folder of Iceberg fixtures."""
    return repository / "tests" / "fixtures" / "iceberg"


def entries_of(path: Path, sequence_number: int) -> list[ManifestEntry]:
    """All entries of a manifest, deleted ones too."""
    row = ManifestFile.from_args(
        manifest_path=str(path),
        manifest_length=path.stat().st_size,
        partition_spec_id=0,
        content=ManifestContent.DATA,
        sequence_number=sequence_number,
        min_sequence_number=1,
        added_snapshot_id=42,
    )
    return row.fetch_manifest_entry(IO, discard_deleted=False)


def test_entries_statistics_and_inheritance(fixtures: Path) -> None:
    added, existing, deleted = entries_of(fixtures / "millpond_manifest.avro", 9)
    assert added.status == ManifestEntryStatus.ADDED
    assert added.snapshot_id == 42
    assert (added.sequence_number, added.file_sequence_number) == (9, 9)
    file = added.data_file
    assert file.file_path == "file:///t/data/1.parquet"
    assert file.file_format == "PARQUET"
    assert (file.record_count, file.file_size_in_bytes) == (100, 1000)
    assert file.column_sizes == {1: 400, 2: 5_000_000_000}
    assert file.value_counts == {1: 100, 2: 100}
    assert file.null_value_counts == {1: 0, 2: 7}
    assert file.nan_value_counts == {2: 1}
    assert file.lower_bounds == {1: (5).to_bytes(8, "little"), 2: "äpfel".encode()}
    assert file.upper_bounds == {2: b"zoo"}
    assert file.split_offsets == [4, 268_435_456]
    assert file.sort_order_id == 0
    assert existing.status == ManifestEntryStatus.EXISTING
    assert existing.sequence_number == 1
    assert existing.data_file.lower_bounds is None
    assert deleted.status == ManifestEntryStatus.DELETED
    assert deleted.file_sequence_number == 2


def test_header_holds_the_schema(fixtures: Path) -> None:
    with AvroFile[ManifestEntry](IO.new_input(str(fixtures / "millpond_manifest.avro"))) as file:
        meta = file.header.meta
    assert meta["format-version"] == "2"
    assert meta["content"] == "data"
    assert json.loads(meta["partition-spec"]) == []
    schema = Schema.model_validate_json(meta["schema"])
    assert schema.schema_id == 7
    assert schema.find_field("sample_id").required
    assert schema.identifier_field_ids == [1]


def test_partition_tuples_of_others_survive(fixtures: Path) -> None:
    theirs = entries_of(fixtures / "pyiceberg_v2_partitioned.avro", 8)
    ours = entries_of(fixtures / "millpond_carried.avro", 8)
    assert [one.data_file.partition for one in ours] == [one.data_file.partition for one in theirs]
    assert ours[0].data_file.partition[0] == "eu"


def test_manifest_list(fixtures: Path) -> None:
    theirs = list(read_manifest_list(IO.new_input(str(fixtures / "pyiceberg_list_v2.avro"))))
    *carried, own = read_manifest_list(IO.new_input(str(fixtures / "millpond_list.avro")))
    assert [row.manifest_path for row in carried] == [row.manifest_path for row in theirs]
    assert carried[1].partitions == theirs[1].partitions
    assert carried[1].partitions is not None and carried[1].partitions[0].contains_null
    assert own.manifest_path == "file:///t/metadata/m1.avro"
    assert own.manifest_length == 5001
    assert own.added_snapshot_id == 1 << 60
    assert (own.added_files_count, own.existing_files_count, own.deleted_files_count) == (1, 2, 3)
    assert (own.added_rows_count, own.existing_rows_count, own.deleted_rows_count) == (4_000_000_000, 5, 6)
    assert not own.partitions
