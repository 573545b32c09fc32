"""PyIceberg reads what delete, update and upsert leave, copied or with deletes beside the rows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog

Run = Callable[..., str]


@pytest.fixture
def pond(program: Path, tmp_path: Path) -> tuple[Path, Run]:
    """A pond with shop.orders: 2,000 rows in two files."""

    def run(*words: str) -> str:
        done = subprocess.run([program, *words], cwd=tmp_path / "pond", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    subprocess.run([program, "init", tmp_path / "pond"], check=True, capture_output=True)
    for part in range(2):
        rows = pa.table({"id": range(part * 1000, part * 1000 + 1000), "price": [float(part)] * 1000})
        pq.write_table(rows, tmp_path / f"{part}.parquet")
        run("sync", str(tmp_path / f"{part}.parquet"), "--table", "shop.orders")
    return tmp_path / "pond", run


def read(pond: Path) -> list[tuple[int, int, float]]:
    """All rows as PyIceberg has them: sample_id, id, price."""
    catalog = SqlCatalog("millpond", uri=f"sqlite:///{pond}/ledger.db", warehouse=f"file://{pond}/truth")
    rows = catalog.load_table("shop.orders").scan().to_arrow().select(["sample_id", "id", "price"])
    return sorted(zip(*(column.to_pylist() for column in rows.columns), strict=True))


@pytest.mark.parametrize("mode", ["copy-on-write", "merge-on-read"])
def test_pyiceberg_reads_changed_rows(pond: tuple[Path, Run], mode: str) -> None:
    folder, run = pond
    catalog = SqlCatalog("millpond", uri=f"sqlite:///{folder}/ledger.db", warehouse=f"file://{folder}/truth")
    with catalog.load_table("shop.orders").transaction() as change:
        change.set_properties({f"write.{verb}.mode": mode for verb in ("delete", "update", "merge")})
    expected = {n: (n, n, float(n // 1000)) for n in range(2000)}
    assert read(folder) == sorted(expected.values())

    run("delete", "shop.orders", "--where", "id % 10 = 3")
    expected = {n: row for n, row in expected.items() if n % 10 != 3}
    assert read(folder) == sorted(expected.values())

    run("update", "shop.orders", "--set", "price=9", "--where", "id < 20")
    expected.update({n: (n, n, 9.0) for n in expected if n < 20})
    assert read(folder) == sorted(expected.values())

    run("upsert", "shop.orders", "--query", "SELECT 1 AS id, 7.0 AS price UNION ALL SELECT 5000, 8.0", "--on", "id")
    expected[1] = (1, 1, 7.0)
    got = read(folder)
    assert [row for row in got if row[1] != 5000] == sorted(expected.values())
    assert [row[1:] for row in got if row[1] == 5000] == [(5000, 8.0)]

    files = catalog.load_table("shop.orders").inspect.files().to_pylist()
    deletes = [file for file in files if file["content"] != 0]
    assert bool(deletes) == (mode == "merge-on-read")
    assert run("doctor", "--deep").strip().endswith("healthy")
