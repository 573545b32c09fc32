"""``millpond sql`` to a file and to a pipe, in every row format, read back by others' readers."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

QUERY = "SELECT n, 'text ' || n AS t FROM range(5000) AS r(n) ORDER BY n"
Rows = list[dict[str, Any]]


def from_csv(data: bytes, delimiter: str = ",") -> Rows:
    """Rows of delimited text with a header."""
    rows = csv.DictReader(io.StringIO(data.decode()), delimiter=delimiter)
    return [{"n": int(row["n"]), "t": row["t"]} for row in rows]


READERS: dict[str, Callable[[bytes], Rows]] = {
    "json": json.loads,
    "jsonl": lambda data: [json.loads(line) for line in data.splitlines()],
    "csv": from_csv,
    "tsv": lambda data: from_csv(data, "\t"),
    "arrow": lambda data: pa.ipc.open_file(data).read_all().to_pylist(),
}


@pytest.fixture(scope="module")
def pond(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty pond."""
    folder = tmp_path_factory.mktemp("output") / "pond"
    subprocess.run([program(), "init", str(folder)], check=True, capture_output=True)
    return folder


def program() -> str:
    """The installed program."""
    return str(Path(sys.executable).with_name("millpond"))


@pytest.mark.parametrize("ending", READERS)
def test_output_by_its_ending(pond: Path, tmp_path: Path, ending: str) -> None:
    """The file holds all rows and nothing is left beside it."""
    file = tmp_path / f"x.{ending}"
    done = subprocess.run(
        [program(), "--pond", str(pond), "sql", QUERY, "-o", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert READERS[ending](file.read_bytes()) == [{"n": n, "t": f"text {n}"} for n in range(5000)]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_arrow_in_a_pipe_is_a_stream(pond: Path) -> None:
    """A pipe cannot be sought in."""
    done = subprocess.run(
        [program(), "--pond", str(pond), "sql", QUERY, "--format", "arrow"], capture_output=True, check=True
    )
    assert pa.ipc.open_stream(done.stdout).read_all().num_rows == 5000
