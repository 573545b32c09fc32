"""PyIceberg and Spark read our tables of format 3; Spark's rows beside them keep one sequence of row ids."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from server_fixtures import SparkServer

Run = Callable[..., str]
LINEAGE = "id, kind, _row_id, _last_updated_sequence_number AS changed"


@pytest.fixture
def pond(program: Path, tmp_path: Path) -> tuple[Path, Run]:
    """A pond with shop.events of format 3: one row deleted beside its file, one updated by copying."""
    folder = tmp_path / "pond"

    def run(*words: str) -> str:
        done = subprocess.run([program, *words], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    subprocess.run([program, "init", folder], check=True, capture_output=True)
    modes = ["--property", "write.delete.mode=merge-on-read", "--property", "write.update.mode=copy-on-write"]
    run("create", "shop.events", "--columns", "id BIGINT NOT NULL, kind VARCHAR", "--format", "3", *modes)
    run("sql", "INSERT INTO shop.events VALUES (1, 'a'), (2, 'b'), (3, 'c')")
    run("sql", "INSERT INTO shop.events VALUES (4, 'd'), (5, 'e')")
    run("delete", "shop.events", "--where", "id = 2")
    run("update", "shop.events", "--set", "kind='z'", "--where", "id = 4")
    return folder, run


def lineage(run: Run) -> list[dict[str, Any]]:
    """The rows as Millpond has them."""
    rows = json.loads(run("--json", "sql", f"SELECT {LINEAGE} FROM shop.events ORDER BY id"))
    return rows["rows"] if isinstance(rows, dict) else rows


def test_pyiceberg_reads_deletion_vectors(pond: tuple[Path, Run]) -> None:
    folder, _ = pond
    catalog = SqlCatalog("millpond", uri=f"sqlite:///{folder}/ledger.db", warehouse=f"file://{folder}/truth")
    table = catalog.load_table("shop.events")
    assert table.format_version == 3
    rows = table.scan().to_arrow().select(["id", "kind"]).to_pylist()
    assert sorted((row["id"], row["kind"]) for row in rows) == [(1, "a"), (3, "c"), (4, "z"), (5, "e")]


@pytest.mark.slow
def test_spark_sees_the_same_row_ids_and_writes_beside_us(pond: tuple[Path, Run], spark_server: SparkServer) -> None:
    folder, run = pond
    catalog = spark_server.jdbc_catalog(f"jdbc:sqlite:file:{folder}/ledger.db", f"file://{folder}/truth")
    select = f"SELECT {LINEAGE} FROM {catalog}.shop.events ORDER BY id"
    ours = lineage(run)
    assert [row["id"] for row in ours] == [1, 3, 4, 5]
    assert len({row["_row_id"] for row in ours}) == 4
    assert spark_server.sql(select) == ours

    spark_server.sql(f"DELETE FROM {catalog}.shop.events WHERE id = 3")
    spark_server.sql(f"INSERT INTO {catalog}.shop.events (sample_id, id, kind) VALUES (900, 6, 'spark')")
    spark_server.sql(f"UPDATE {catalog}.shop.events SET kind = 's' WHERE id = 1")
    theirs = spark_server.sql(select)
    assert [(row["id"], row["kind"]) for row in theirs] == [(1, "s"), (4, "z"), (5, "e"), (6, "spark")]
    assert lineage(run) == theirs
    kept = {row["id"]: row["_row_id"] for row in ours}
    assert all(row["_row_id"] == kept[row["id"]] for row in theirs if row["id"] in kept)

    run("delete", "shop.events", "--where", "id = 5")
    run("sql", "INSERT INTO shop.events VALUES (7, 'ours')")
    spark_server.sql(f"REFRESH TABLE {catalog}.shop.events")
    assert spark_server.sql(select) == lineage(run)
    assert run("doctor", "--deep").strip().endswith("healthy")
