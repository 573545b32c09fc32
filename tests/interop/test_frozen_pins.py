"""What a frozen dataset reads stays, whatever PyIceberg does to its table."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest


def test_pyiceberg_neither_expires_nor_drops_what_is_frozen(program: Path, tmp_path: Path) -> None:
    sql = pytest.importorskip("pyiceberg.catalog.sql")
    place = tmp_path / "pond"

    def millpond(*arguments: str) -> Any:
        command = [str(program), "--json", "--pond", str(place), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    (tmp_path / "a.csv").write_text("id\n1\n2\n")
    (tmp_path / "b.csv").write_text("id\n3\n")
    (tmp_path / "d.yaml").write_text("{name: d, query: FROM t, key: id}")
    subprocess.run([str(program), "init", str(place)], check=True, capture_output=True)
    millpond("sync", "a.csv", "--table", "t")
    millpond("dataset", "define", "d.yaml")
    frozen = millpond("freeze", "d", "--as", "v1")["inputs"][0]["snapshot"]
    millpond("sync", "b.csv", "--table", "t")

    catalog = sql.SqlCatalog("millpond", uri=f"sqlite:///{place}/ledger.db", warehouse=f"file://{place}/truth")
    table = catalog.load_table("main.t")
    assert table.refs()["dataset/d@v1"].snapshot_id == frozen
    with pytest.raises(ValueError, match="protected"):
        table.maintenance.expire_snapshots().by_id(frozen).commit()
    # Nor does upkeep, where the table lets go of refs.
    millpond("alter", "t", "set", "history.expire.max-ref-age-ms=1")
    millpond("alter", "t", "set", "history.expire.max-snapshot-age-ms=1")
    millpond("alter", "t", "set", "history.expire.min-snapshots-to-keep=1")
    millpond("upkeep")
    assert catalog.load_table("main.t").refs()["dataset/d@v1"].snapshot_id == frozen
    catalog.drop_table("main.t")
    millpond("doctor", "--remove-orphans", "--grace-hours", "0")
    assert millpond("loader", "bench", "d@v1")["rows"] == 2
