"""Bad input and bad luck, against the installed program: a clear error of the right kind, nothing half-written."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PROGRAM = shutil.which("millpond") or str(Path(sys.executable).with_name("millpond"))


def millpond(folder: Path, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program in ``folder`` with ``--json``."""
    env = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "MILLPOND_AUTHOR": "tester"}
    return subprocess.run(
        [PROGRAM, "--json", *words],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def answer(folder: Path, *words: str) -> Any:
    done = millpond(folder, *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def failure(folder: Path, *words: str) -> dict[str, Any]:
    """The error document of a run that must fail; its exit code and kind agree."""
    done = millpond(folder, *words)
    assert done.returncode not in (0, 1, 70), f"{done.returncode}: {done.stdout} {done.stderr}"
    error = json.loads(done.stderr)["error"]
    assert error["exit_code"] == done.returncode
    return dict(error)


@pytest.fixture
def pond(tmp_path: Path) -> Path:
    answer(tmp_path, "init", "pond")
    return tmp_path / "pond"


def untouched(pond: Path) -> None:
    """Nothing landed, and nothing lies around."""
    assert answer(pond, "ls")["tables"] == []
    assert answer(pond, "log")["commits"] == []
    assert [path for path in (pond / "truth").rglob("*") if path.is_file()] == []


def test_an_empty_file(pond: Path) -> None:
    (pond / "empty.csv").write_bytes(b"")
    error = failure(pond, "sync", "empty.csv", "--table", "t")
    assert error["kind"] == "invalid" and "empty.csv" in error["message"]
    untouched(pond)


def test_a_file_that_is_not_there(pond: Path) -> None:
    error = failure(pond, "sync", "nowhere.csv")
    assert error["kind"] == "not_found" and "nowhere.csv" in error["message"]


def test_a_truncated_parquet_file(pond: Path) -> None:
    whole = pond / "whole.parquet"
    pq.write_table(pa.table({"x": list(range(10_000))}), whole)
    (pond / "cut.parquet").write_bytes(whole.read_bytes()[:-100])
    error = failure(pond, "sync", "cut.parquet", "--table", "t")
    assert error["kind"] in ("corrupt", "invalid") and "cut.parquet" in error["message"]
    untouched(pond)


def test_a_pond_of_a_newer_version(pond: Path) -> None:
    (pond / "a.csv").write_text("x\n1\n")
    with sqlite3.connect(pond / "ledger.db") as ledger:
        tables = [row[0] for row in ledger.execute("SELECT name FROM sqlite_master WHERE name LIKE '%version%'")]
        name = next(table for table in tables if table != "dataset_version")
        column = ledger.execute(f"PRAGMA table_info({name})").fetchall()[0][1]
        ledger.execute(f"UPDATE {name} SET {column} = 9999")
    error = failure(pond, "ls")
    assert error["kind"] == "invalid" and "newer" in error["message"]


def test_a_ledger_that_is_no_database(pond: Path) -> None:
    (pond / "ledger.db").write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    error = failure(pond, "ls")
    assert error["kind"] == "corrupt" and "ledger.db" in error["message"]


def test_ten_thousand_columns(pond: Path) -> None:
    names = [f"column_{number}" for number in range(10_000)]
    (pond / "wide.csv").write_text(",".join(names) + "\n" + ",".join(map(str, range(10_000))) + "\n")
    answer(pond, "sync", "wide.csv", "--table", "wide")
    rows = answer(pond, "sql", "SELECT column_9999 AS last FROM wide")
    assert rows == [{"last": 9999}]


def test_names(pond: Path) -> None:
    (pond / "names.csv").write_text("größe,größe,,sample_id,名前,select\n1,2,3,4,5,6\n")
    answer(pond, "sync", "names.csv", "--table", "läden.straße")
    columns = [column["name"] for column in answer(pond, "show", "läden.straße")["columns"]]
    assert len(columns) == len(set(columns)) == 7 and {"größe", "名前", "select"} <= set(columns)
    error = failure(pond, "sync", "names.csv", "--table", "a/b")
    assert error["kind"] == "invalid"


def test_nul_bytes_in_a_csv_file(pond: Path) -> None:
    (pond / "nul.csv").write_bytes(b"a,b\n1,x\n2,y\x00z\n3,w\n")
    done = millpond(pond, "sync", "nul.csv", "--table", "t")
    if done.returncode == 0:  # kept as a value or as a reject, but not lost
        report = json.loads(done.stdout)["tables"][0]
        assert report["rows"] + report["rejects"] == 3
    else:
        assert json.loads(done.stderr)["error"]["kind"] == "invalid"
        untouched(pond)


def test_a_full_disk(pond: Path) -> None:
    """A file size limit stands for a full disk: write() fails in the middle of a data file."""
    source = pond / "big.csv"
    source.write_text("id,text\n" + "".join(f"{row},{os.urandom(20).hex()}\n" for row in range(60_000)))
    script = f"ulimit -f 200; trap '' XFSZ; exec {PROGRAM} --json sync big.csv --table t"
    done = subprocess.run(["bash", "-c", script], cwd=pond, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(done.stderr)["error"]["kind"] == "exhausted", done.stderr
    untouched(pond)
    assert answer(pond, "doctor")["healthy"]
    answer(pond, "sync", "big.csv", "--table", "t")
    assert answer(pond, "sql", "SELECT count(*) AS n FROM t") == [{"n": 60_000}]


def test_two_processes_at_once(pond: Path) -> None:
    for number in range(6):
        (pond / f"part{number}.csv").write_text("x\n" + "".join(f"{number * 100 + row}\n" for row in range(100)))
    answer(pond, "sync", "part0.csv", "--table", "t")
    others = [
        subprocess.Popen(
            [PROGRAM, "--json", "sync", f"part{number}.csv", "--table", "t"], cwd=pond, stdout=subprocess.PIPE
        )
        for number in range(1, 6)
    ]
    assert [other.wait(timeout=120) for other in others] == [0] * 5
    assert answer(
        pond, "sql", "SELECT count(*) AS n, count(DISTINCT x) AS d, count(DISTINCT sample_id) AS s FROM t"
    ) == [{"n": 600, "d": 600, "s": 600}]
    sequence = [commit["sequence"] for commit in answer(pond, "log", "--limit", "-1")["commits"]]
    assert sequence == list(range(6, 0, -1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_sync_leaves_nothing(pond: Path, number: signal.Signals) -> None:
    source = pond / "big.csv"
    line = "x" * 200
    source.write_text("id,text\n" + "".join(f"{row},{line}{row}\n" for row in range(1_200_000)))
    child = subprocess.Popen(
        [PROGRAM, "--json", "sync", "big.csv", "--table", "t"], cwd=pond, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    pending = pond / "truth" / ".pending"
    while child.poll() is None and not (pending.exists() and any(pending.iterdir())):
        time.sleep(0.01)
    child.send_signal(number)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert json.loads(errors)["error"]["kind"] == "cancelled"
    untouched(pond)


def test_a_stopped_query(pond: Path) -> None:
    child = subprocess.Popen(
        [
            PROGRAM,
            "--json",
            "sql",
            "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 5",
        ],
        cwd=pond,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(0.8)
    begin = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert time.monotonic() - begin < 10


def test_output_to_a_file_is_whole_or_absent(pond: Path) -> None:
    answer_file = pond / "out.csv"
    done = millpond(pond, "sql", "SELECT 1 AS one, 'a\"b' AS two", "--output", "out.csv")
    assert done.returncode == 0 and answer_file.read_text() == 'one,two\n1,"a""b"\n'
    failure(pond, "sql", "SELECT error('no') FROM range(10)", "--output", "never.csv")
    assert not (pond / "never.csv").exists() and not (pond / "never.csv.pending").exists()
