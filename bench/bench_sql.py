"""SQL over a Millpond table beside plain DuckDB over the very same Parquet files.

Both run in this process with the same number of threads; each side returns all rows as Arrow. Statements are repeated,
so what either side keeps between statements (metadata, parsed footers) counts for it. Aim: at most 1.05 by the peer's
time on scan, filter, group-by and join.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import harness
import millpond as mp
import numpy as np
import pyarrow as pa

QUERIES = {
    "scan": "SELECT * FROM {orders}",
    "filter": "SELECT order_id, amount FROM {orders} WHERE amount > 990 AND region = 'north'",
    "group-by": "SELECT region, product, count(*) AS n, sum(amount) AS total FROM {orders} GROUP BY region, product",
    "join": (
        "SELECT p.category, sum(o.amount) AS total FROM {orders} o JOIN {products} p ON o.product = p.product "
        "GROUP BY p.category"
    ),
    "point": "SELECT * FROM {orders} WHERE order_id = 12345",
}


def make_tables(rows: int) -> dict[str, pa.Table]:
    """Synthetic orders and products, the same on every machine."""
    random = np.random.default_rng(7)
    regions = np.array(["north", "south", "east", "west"])
    orders = pa.table(
        {
            "order_id": np.arange(rows, dtype=np.int64),
            "product": random.integers(0, 1000, rows),
            "region": regions[random.integers(0, 4, rows)],
            "amount": random.random(rows) * 1000,
            "quantity": random.integers(1, 20, rows).astype(np.int32),
        }
    )
    products = pa.table({"product": np.arange(1000), "category": [f"category {number % 17}" for number in range(1000)]})
    return {"orders": orders, "products": products}


def data_files(pond: Any, table: str) -> list[str]:
    """The Parquet files of a table, as the peer is to read them."""
    folder = Path(pond.show(table)["location"].removeprefix("file://"))
    return sorted(str(path) for path in (folder / "data").glob("*.parquet"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path("bench/out"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pond = mp.init(f"{folder}/pond")
        for name, table in make_tables(options.rows).items():
            pond.append(name, table)
        peer = duckdb.connect()
        names = {"orders": "orders", "products": "products"}
        files = {name: f"read_parquet({data_files(pond, name)!r})" for name in names}
        outcomes = []
        for case, query in QUERIES.items():

            def ours(query: str = query) -> int:
                return int(pond.sql(query.format(**names)).to_arrow().num_rows)

            def plain(query: str = query) -> int:
                # Millpond's tables have a sample_id column of their own, which the peer reads too.
                return int(peer.execute(query.format(**files)).to_arrow_table().num_rows)

            outcomes.append(
                harness.compare(
                    case,
                    harness.Side("Millpond", ours),
                    harness.Side("DuckDB", plain),
                    runs=options.runs,
                    repeats=20 if case == "point" else 1,
                    aim="" if case == "point" else "≤ 1.05",
                )
            )
        harness.publish("sql", outcomes, options.out)


if __name__ == "__main__":
    main()
