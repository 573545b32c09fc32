"""A pond with a frozen dataset of every kind of column, made once per test process."""

from __future__ import annotations

import datetime
import struct
import zlib
from collections.abc import Iterator

import millpond as mp
import pyarrow as pa
import pytest
from millpond.dataset import Split

ROWS = 211
FEATURES = ["x", "small", "flag", "triple"]


@pytest.fixture(autouse=True)
def no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests say their rank themselves."""
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[mp.Pond]:
    """A pond with ``kinds@v1``: ROWS samples, parts train and test, a class ``label`` and a number ``score``."""
    pond = mp.init(tmp_path_factory.mktemp("kinds") / "pond")
    rows = range(ROWS)
    table = pa.table(
        {
            "id": pa.array(rows, pa.int64()),
            "x": pa.array([row * 0.5 for row in rows], pa.float64()),
            "small": pa.array([None if row % 7 == 0 else float(row) for row in rows], pa.float32()),
            "flag": pa.array([row % 3 == 0 for row in rows], pa.bool_()),
            "triple": pa.array([[row, row + 1, row + 2] for row in rows], pa.list_(pa.float32())),
            "ragged": pa.array([list(range(row % 4)) for row in rows], pa.list_(pa.int64())),
            "text": pa.array([f"row {row} é" for row in rows], pa.string()),
            "maybe": pa.array([None if row % 5 == 0 else f"text {row}" for row in rows], pa.string()),
            "at": pa.array([datetime.datetime(2026, 1, 1) + datetime.timedelta(hours=row) for row in rows]),
            "day": pa.array([datetime.date(2026, 1, 1) + datetime.timedelta(days=row) for row in rows]),
            "image": pa.array([_grey_png(4, 3, bytes((row + pixel) % 256 for pixel in range(12))) for row in rows]),
            "label": pa.array(["even" if row % 2 == 0 else "odd" for row in rows], pa.string()),
            "score": pa.array([row * 2.0 for row in rows], pa.float64()),
        }
    )
    pond.append("kinds", table)
    for name, labels in (("kinds", ["label"]), ("scores", ["score"]), ("bare", [])):
        pond.define_dataset(
            {
                "name": name,
                "query": "SELECT *, CAST(id % 100 AS TINYINT) AS tiny, CAST(id AS USMALLINT) AS word FROM kinds",
                "key": ["id"],
                "split": {"by": "hash", "parts": {"train": 0.8, "test": 0.2}, "seed": 7},
                "features": FEATURES,
                "labels": labels,
            }
        )
        pond.freeze(name, "v1")
    yield pond


@pytest.fixture
def train(samples: mp.Pond) -> Split:
    """The part ``train`` of ``kinds@v1``."""
    return samples.dataset("kinds@v1").split("train")


def _grey_png(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    lines = b"".join(b"\0" + pixels[row * width : (row + 1) * width] for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
