"""Ctrl-C in the middle of every verb that may work long: exit code 130, no trace, nothing half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow

CANCELLED = 130
ROWS = 3_000_000
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Pond:
    """A pond with one large table in two versions, a dataset over it, and what a bare start costs."""

    program: Path
    folder: Path
    start_seconds: float = 0.0

    def command(self, *words: str) -> list[str]:
        return [str(self.program), "--json", "--pond", str(self.folder), *words]

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "HOME": str(self.folder.parent), "LC_ALL": "C.UTF-8", "MILLPOND_AUTHOR": "tester"}

    def answer(self, *words: str) -> Any:
        done = subprocess.run(self.command(*words), env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def state(self) -> dict[str, Any]:
        """Everything that a half-done verb could have left."""
        truth = self.folder / "truth"
        return {
            "commits": [commit["commit"] for commit in self.answer("log", "--limit", "-1")["commits"]],
            "tables": [table["table"] for table in self.answer("ls")["tables"]],
            "datasets": self.answer("dataset", "ls"),
            "files": sorted(str(path.relative_to(truth)) for path in truth.rglob("*") if path.is_file()),
            "derived": sorted(path.name for path in (self.folder / "derived").rglob("*.pending*")),
        }


def cpu_seconds(process: subprocess.Popen[Any]) -> float:
    """What a living process has computed so far: unlike the clock it does not depend on its neighbours."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def stop_in_the_middle(command: list[str], env: dict[str, str], after: float, folder: Path) -> tuple[int, str]:
    """Interrupt a command once it has computed for ``after`` seconds; its exit code and standard error."""
    with (folder / "stderr").open("w+") as errors:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            while process.poll() is None and cpu_seconds(process) < after:
                time.sleep(0.005)
            assert process.poll() is None, f"{command} was done before it could be stopped: make it work longer"
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        errors.seek(0)
        return code, errors.read()


@pytest.fixture(scope="module")
def pond(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pond]:
    folder = tmp_path_factory.mktemp("signals")
    random = np.random.default_rng(3)
    words = pa.array([f"word {number:06}" for number in range(50_000)])
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "x": random.random(ROWS),
            "y": random.random(ROWS),
            "text": words.take(pa.array(random.integers(0, len(words), ROWS))),
        }
    )
    pq.write_table(table, folder / "one.parquet")
    pq.write_table(table.set_column(1, "x", pa.array(random.random(ROWS))), folder / "two.parquet")
    del table
    (folder / "suite.yaml").write_text(
        "- expect_column_values_to_be_unique: text\n"
        "- expect_column_values_to_match_regex: {column: text, regex: '(w+o+r+d+)* +[0-9]+$'}\n"
        "- expect_compound_columns_to_be_unique: {column_list: [x, y, text]}\n"
    )
    (folder / "recipe.yaml").write_text("- trim: text\n- normalise: [x, y]\n- dedup: {columns: [x, y]}\n")
    (folder / "data.yaml").write_text(
        "name: data\nquery: SELECT * FROM shop.t\nkey: [id]\nsplit: {by: hash, parts: {train: 0.8, test: 0.2}}\n"
    )
    made = Pond(program, folder / "pond")
    made.answer("init", str(made.folder))
    made.answer("sync", str(folder / "one.parquet"), "--table", "shop.t")
    made.answer("sync", str(folder / "two.parquet"), "--table", "shop.t", "--replace")
    made.answer("dataset", "define", str(folder / "data.yaml"))
    process = subprocess.Popen(made.command("sql", "SELECT 1"), env=made.env, stdout=subprocess.DEVNULL)
    usage = os.wait4(process.pid, 0)[2]
    made.start_seconds = usage.ru_utime + usage.ru_stime
    yield made


VERBS = {
    "check": ("check", "shop.t", "--suite", "suite.yaml"),
    "clean": ("clean", "shop.t", "--recipe", "recipe.yaml"),
    "label": ("label", "shop.t", "--expression", "CASE WHEN x > y THEN md5(text) ELSE 'b' END"),
    "freeze": ("freeze", "data", "--as", "v1"),
    "loader bench": ("loader", "bench", "data", "--epochs", "1000"),
    "profile": ("profile", "shop.t"),
    "diff": ("diff", "~1"),
    "doctor": ("doctor", "--deep"),
    "sync": ("sync", "one.parquet", "--table", "shop.other"),
    "sql": ("sql", "SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range % 7 = b.range % 5"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_interrupted(pond: Pond, verb: str) -> None:
    before = pond.state()
    code, errors = stop_in_the_middle(
        pond.command(*VERBS[verb]), pond.env, pond.start_seconds + 0.15, pond.folder.parent
    )
    assert code == CANCELLED, errors
    error = json.loads(errors)["error"]
    assert error["kind"] == "cancelled" and error["exit_code"] == CANCELLED
    assert "Traceback" not in errors and "terminate called" not in errors
    assert pond.state() == before


@pytest.mark.parametrize("steps", [1, 6, 11])
def test_interrupted_demo(program: Path, tmp_path: Path, steps: int) -> None:
    """After some of the steps that it tells of: how long each takes differs from machine to machine."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {**os.environ, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "TMPDIR": str(temporary)}
    process = subprocess.Popen(
        [str(program), "demo"], env=env, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        told = 0
        while told < steps:
            line = process.stdout.readline()
            assert line, "the demo ended before it could be stopped"
            told += not line.startswith(" ")  # Lines that go on with the one before are indented.
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode == CANCELLED, errors
    assert errors.splitlines()[-1].startswith("error (cancelled): ")
    assert "Traceback" not in errors
    assert not any(temporary.iterdir()), "the demo's temporary pond stays"
    assert not (tmp_path / "millpond-demo.html").exists()


def test_exit_code_is_documented(pond: Pond) -> None:
    kinds = {kind["kind"]: kind["exit_code"] for kind in pond.answer("errors")["kinds"]}
    assert kinds["cancelled"] == CANCELLED
