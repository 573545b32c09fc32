"""A CSV file into a table, beside DuckDB's and pyarrow's CSV to Parquet.

Each run is a process of its own, timed from outside from its start to its end on both sides, and memory is counted for
it alone. A sync is durable when it ends, so the peers make their file durable too (fsync); what they take without it
is a case of its own. Aim: at least the faster peer's speed, and under 512 MB whatever the file's size.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import harness
import numpy as np
import pyarrow as pa
import pyarrow.csv

# Prints the seconds that the fsync took.
DURABLE = """
import os, time
begin = time.perf_counter()
file = os.open(target, os.O_RDONLY)
os.fsync(file)
os.close(file)
print(time.perf_counter() - begin)
"""

PEERS = {
    "DuckDB": """
import sys, duckdb
source, target = sys.argv[1:]
duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
"""
    + DURABLE,
    "pyarrow": """
import sys
import pyarrow.csv as csv, pyarrow.parquet as pq
source, target = sys.argv[1:]
with csv.open_csv(source, read_options=csv.ReadOptions(block_size=8 << 20)) as reader:
    with pq.ParquetWriter(target, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
"""
    + DURABLE,
}


@dataclass
class Contestant:
    """What the runs of one side took."""

    durable: harness.Times = field(default_factory=harness.Times)
    hasty: harness.Times = field(default_factory=harness.Times)  # Without the fsync.
    peak_mb: float = 0.0
    bytes_written: int = 0


def make_csv(path: Path, rows: int) -> None:
    """A file with the usual column types; some fields are quoted."""
    random = np.random.default_rng(11)
    with path.open("wb") as sink:
        for begin in range(0, rows, 500_000):
            count = min(500_000, rows - begin)
            table = pa.table(
                {
                    "id": np.arange(begin, begin + count),
                    "when": np.datetime64("2026-01-01T00:00:00", "s")
                    + random.integers(0, 30_000_000, count).astype("m8[s]"),
                    "amount": np.round(random.random(count) * 1000, 3),
                    "quantity": random.integers(1, 100, count),
                    "city": np.array(["Oslo", "New York", "São Paulo", "東京"])[random.integers(0, 4, count)],
                    "note": np.array(["", "fragile", "call first", "left, at the door"])[random.integers(0, 4, count)],
                    "ratio": random.standard_normal(count),
                }
            )
            pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=begin == 0))


def run_ours(source: Path, folder: Path) -> tuple[harness.Process, float, int]:
    """One `millpond sync` into a new pond; what of it cannot be left out is its own."""
    pond = folder / "pond"
    shutil.rmtree(pond, ignore_errors=True)
    harness.run_process(["millpond", "init", str(pond)])
    process = harness.run_process(["millpond", "--pond", str(pond), "sync", str(source), "--table", "big", "-q"])
    return process, 0.0, sum(path.stat().st_size for path in pond.rglob("*.parquet"))


def run_peer(name: str, source: Path, folder: Path) -> tuple[harness.Process, float, int]:
    """One conversion by a peer, the seconds of its fsync and the size of its file."""
    target = folder / "peer.parquet"
    target.unlink(missing_ok=True)
    process = harness.run_process([sys.executable, "-c", PEERS[name], str(source), str(target)])
    # The last word: on a slow machine DuckDB draws its progress before it.
    return process, float(process.output.split()[-1]), target.stat().st_size


def run_all(source: Path, folder: Path, runs: int) -> dict[str, Contestant]:
    """All sides in turn, who begins changing; the first round is not counted."""
    sides = {name: Contestant() for name in ("Millpond", *PEERS)}
    for number in range(runs + 1):
        for name in list(sides) if number % 2 == 0 else list(sides)[::-1]:
            ours = name == "Millpond"
            process, fsync, size = run_ours(source, folder) if ours else run_peer(name, source, folder)
            side = sides[name]
            side.peak_mb = max(side.peak_mb, process.peak_mb)
            side.bytes_written = size
            if number > 0:
                side.durable.add(process.seconds, process.cpu_seconds)
                side.hasty.add(process.seconds - fsync, process.cpu_seconds)
    return sides


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "big.csv"
        make_csv(source, options.rows)
        case = f"CSV of {source.stat().st_size / 1e6:.0f} MB to a table"
        sides = run_all(source, folder, options.runs)
        ours = sides["Millpond"]
        outcomes = []
        for peer in PEERS:
            theirs = sides[peer]
            note = (
                f"peak memory {ours.peak_mb:.0f} MB, {peer} {theirs.peak_mb:.0f} MB; "
                f"Parquet written {ours.bytes_written / 1e6:.0f} MB, {peer} {theirs.bytes_written / 1e6:.0f} MB"
            )
            names = ("Millpond", peer)
            outcomes.append(
                harness.outcome(case, names, ours.durable, theirs.durable, aim="≤ 1.0, < 512 MB", note=note)
            )
            names = ("Millpond", f"{peer}, without its fsync")
            outcomes.append(harness.outcome(case, names, ours.durable, theirs.hasty))
        harness.publish("csv", outcomes, options.out)


if __name__ == "__main__":
    main()
