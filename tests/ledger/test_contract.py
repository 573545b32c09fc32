"""The C++ tests of the PostgreSQL ledger, its contract included, against a real server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from server_fixtures import PostgresServer


def test_postgres_ledger_keeps_the_contract(build_folder: Path, postgres_server: PostgresServer) -> None:
    program = build_folder / "millpond_ledger_test"
    url = postgres_server.url(postgres_server.new_database())
    env = {**os.environ, "MILLPOND_TEST_POSTGRES": url, "PGSSLROOTCERT": "/nonexistent"}
    done = subprocess.run(
        [str(program), "--gtest_filter=*Postgres*:LedgerCopyTest.*"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[  SKIPPED ]" not in done.stdout
