"""A CSV file into a table, beside DuckDB's and pyarrow's CSV to Parquet.

Each run is a process of its own, so that memory is counted for it alone. Ours is timed from outside, process start
included; the peers time themselves inside, their start-up not counted. Aim: at least the faster peer's speed, and
under 512 MB whatever the file's size.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import harness
import numpy as np
import pyarrow as pa
import pyarrow.csv

PEERS = {
    "DuckDB": """
import sys, time, duckdb
source, target = sys.argv[1:]
begin = time.perf_counter()
duckdb.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
print(time.perf_counter() - begin)
""",
    "pyarrow": """
import sys, time
import pyarrow.csv as csv, pyarrow.parquet as pq
source, target = sys.argv[1:]
begin = time.perf_counter()
with csv.open_csv(source, read_options=csv.ReadOptions(block_size=8 << 20)) as reader:
    with pq.ParquetWriter(target, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
print(time.perf_counter() - begin)
""",
}


def make_csv(path: Path, rows: int) -> None:
    """A file with the usual column types; some fields are quoted."""
    random = np.random.default_rng(11)
    with path.open("wb") as sink:
        for begin in range(0, rows, 500_000):
            count = min(500_000, rows - begin)
            table = pa.table(
                {
                    "id": np.arange(begin, begin + count),
                    "when": np.datetime64("2026-01-01T00:00:00", "s") + random.integers(0, 3e7, count).astype("m8[s]"),
                    "amount": np.round(random.random(count) * 1000, 3),
                    "quantity": random.integers(1, 100, count),
                    "city": np.array(["Oslo", "New York", "São Paulo", "東京"])[random.integers(0, 4, count)],
                    "note": np.array(["", "fragile", "call first", "left, at the door"])[random.integers(0, 4, count)],
                    "ratio": random.standard_normal(count),
                }
            )
            pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=begin == 0))


def run_ours(source: Path, folder: Path) -> tuple[float, float]:
    """Seconds and peak MB of one `millpond sync` into a new pond."""
    pond = folder / "pond"
    shutil.rmtree(pond, ignore_errors=True)
    harness.run_process(["millpond", "init", str(pond)])
    process = harness.run_process(["millpond", "--pond", str(pond), "sync", str(source), "--table", "big", "-q"])
    return process.seconds, process.peak_mb


def run_peer(name: str, source: Path, folder: Path) -> tuple[float, float]:
    """Seconds that the peer measured itself, and the peak MB of its process."""
    process = harness.run_process([sys.executable, "-c", PEERS[name], str(source), str(folder / "peer.parquet")])
    return float(process.output), process.peak_mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "big.csv"
        make_csv(source, options.rows)
        size = source.stat().st_size / 1e6
        times: dict[str, list[float]] = {"Millpond": [], **{peer: [] for peer in PEERS}}
        memory: dict[str, float] = dict.fromkeys(times, 0.0)
        for number in range(options.runs + 1):
            for side in times:
                seconds, peak = run_ours(source, folder) if side == "Millpond" else run_peer(side, source, folder)
                memory[side] = max(memory[side], peak)
                if number > 0:
                    times[side].append(seconds)
        outcomes = []
        for peer in PEERS:
            ratios = [mine / theirs for mine, theirs in zip(times["Millpond"], times[peer], strict=True)]
            outcomes.append(
                harness.Outcome(
                    case=f"CSV of {size:.0f} MB to a table",
                    unit="s",
                    ours="Millpond",
                    peer=peer,
                    ours_median=statistics.median(times["Millpond"]),
                    peer_median=statistics.median(times[peer]),
                    ratio=statistics.median(ratios),
                    ratio_low=min(ratios),
                    ratio_high=max(ratios),
                    runs=options.runs,
                    aim="≤ 1.0, < 512 MB",
                    note=f"peak memory {memory['Millpond']:.0f} MB, {peer} {memory[peer]:.0f} MB",
                )
            )
        harness.publish("csv", outcomes, options.out)


if __name__ == "__main__":
    main()
