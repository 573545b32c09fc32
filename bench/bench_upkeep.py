"""A thousand small commits: how long each takes, what the metadata weighs, and what upkeep makes of it.

PyIceberg appends to a table of its own in the same run, fewer times because it is slow; so do we, to compare.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import harness
import millpond
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

ROWS = pa.table({"id": list(range(10)), "text": [f"row {i}" for i in range(10)]})


def weight(folder: Path, part: str) -> int:
    """Bytes of files in folders of that name."""
    return sum(file.stat().st_size for file in folder.rglob(f"{part}/*") if file.is_file())


def milliseconds(seconds: list[float]) -> float:
    """The median."""
    return round(statistics.median(seconds) * 1e3, 2)


def describe(times: harness.Times, folder: Path, ledger: Path) -> dict[str, Any]:
    """Milliseconds of the first and last tenth of the commits, waiting for the disk or not, and megabytes on disk."""
    tenth = max(1, len(times.wall) // 10)
    return {
        "commits": len(times.wall),
        "first_ms": milliseconds(times.wall[:tenth]),
        "last_ms": milliseconds(times.wall[-tenth:]),
        "slowest_ms": round(max(times.wall) * 1e3, 2),
        "first_cpu_ms": milliseconds(times.cpu[:tenth]),
        "last_cpu_ms": milliseconds(times.cpu[-tenth:]),
        "metadata_mb": round(weight(folder, "metadata") / 1e6, 2),
        "data_mb": round(weight(folder, "data") / 1e6, 2),
        "ledger_mb": round(ledger.stat().st_size / 1e6, 2),
    }


def timed(work: Any, count: int) -> harness.Times:
    """Seconds of each of `count` calls."""
    times = harness.Times()
    for _ in range(count):
        started, cpu = time.perf_counter(), time.process_time()
        work()
        times.wall.append(time.perf_counter() - started)
        times.cpu.append(time.process_time() - cpu)
    return times


def ours(folder: Path, count: int) -> dict[str, Any]:
    """Append so many times, then upkeep."""
    pond = millpond.init(folder)
    times = timed(lambda: pond.append("t", ROWS), count)
    figures = describe(times, folder / "truth", folder / "ledger.db")
    scan = timed(lambda: pond.sql("SELECT count(*), sum(id) FROM t").to_pylist(), 5)
    figures["scan_ms"] = milliseconds(scan.wall)
    pond.set_properties("t", {"history.expire.max-snapshot-age-ms": "1", "history.expire.min-snapshots-to-keep": "10"})
    started = time.perf_counter()
    report = pond.upkeep()
    figures["upkeep_s"] = round(time.perf_counter() - started, 2)
    assert report.failed == 0, report
    pond.upkeep(only=["orphans"], grace_hours=0)
    scan = timed(lambda: pond.sql("SELECT count(*), sum(id) FROM t").to_pylist(), 5)
    figures["scan_after_ms"] = milliseconds(scan.wall)
    figures["metadata_after_mb"] = round(weight(folder / "truth", "metadata") / 1e6, 2)
    figures["data_after_mb"] = round(weight(folder / "truth", "data") / 1e6, 2)
    after = timed(lambda: pond.append("t", ROWS), 20)
    figures["commit_after_ms"] = milliseconds(after.wall)
    return figures


def peer(folder: Path, count: int) -> dict[str, Any]:
    """Append so many times with PyIceberg and its SQL catalog."""
    (folder / "warehouse").mkdir(parents=True)
    catalog = SqlCatalog("peer", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/warehouse")
    catalog.create_namespace("main")
    table = catalog.create_table("main.t", ROWS.schema)
    times = timed(lambda: table.append(ROWS), count)
    return describe(times, folder / "warehouse", folder / "catalog.db")


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--peer-commits", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="millpond-bench-"))
    try:
        figures = {
            "millpond": ours(work / "pond", options.commits),
            "millpond at the peer's number": ours(work / "small", options.peer_commits),
            "pyiceberg": peer(work / "peer", options.peer_commits),
        }
    finally:
        shutil.rmtree(work, ignore_errors=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "upkeep.json").write_text(json.dumps(figures, indent=1) + "\n")
    print(harness.machine())
    for name, values in figures.items():
        print(name, values)


if __name__ == "__main__":
    main()
