"""The suites that need a ledger, run once more with all of their ledgers in PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from server_fixtures import PostgresServer

# What looks into ledger.db itself, or counts what SQLite alone does.
SQLITE_ONLY = "-*LedgerFile*"


def with_postgres(server: PostgresServer) -> dict[str, str]:
    env = server.env
    place = f"{env['USER']}@{env['HOST']}:{env['PORT']}/{server.new_database()}"
    return {**os.environ, "MILLPOND_TEST_LEDGER": f"postgresql://{place}", "PGPASSWORD": env["PASSWORD"]}


@pytest.mark.slow
@pytest.mark.parametrize("room", ["table", "query", "ingest", "train"])
def test_unit_tests(room: str, build_folder: Path, postgres_server: PostgresServer) -> None:
    program = build_folder / f"millpond_{room}_test"
    if not program.is_file():
        pytest.skip(f"{program} is not built")
    command = [str(program), "--gtest_brief=1", f"--gtest_filter={SQLITE_ONLY}"]
    done = subprocess.run(command, env=with_postgres(postgres_server), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


@pytest.mark.slow
def test_command_line_sessions(repository: Path, postgres_server: PostgresServer) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(repository / "tests/cli/test_cli.py"),
    ]
    done = subprocess.run(command, env=with_postgres(postgres_server), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:]
