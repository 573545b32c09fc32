"""Ponds whose ledger is in a real PostgreSQL, driven through the command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from server_fixtures import PostgresServer

Millpond = Callable[..., Any]


@pytest.fixture
def database(postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL of a fresh database, without the password: that is in PGPASSWORD."""
    monkeypatch.setenv("PGPASSWORD", postgres_server.env["PASSWORD"])
    env = postgres_server.env
    return f"postgresql://{env['USER']}@{env['HOST']}:{env['PORT']}/{postgres_server.new_database()}"


@pytest.fixture
def millpond(program: Path, tmp_path: Path) -> Millpond:
    """Runs the program in the test's folder; gives its JSON, or with ``fails=kind`` checks that it fails so.

    ``answers_no`` checks that it reports, with the exit code of a report that is not good.
    """

    def run(*arguments: str, fails: str = "", answers_no: bool = False, **env: str) -> Any:
        command = [str(program), "--json", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=120
        )
        if not fails:
            assert done.returncode == int(answers_no), done.stderr
            return json.loads(done.stdout) if done.stdout.strip() else None
        assert done.returncode != 0, done.stdout
        error = json.loads(done.stderr[done.stderr.index("{") :])["error"]
        assert error["kind"] == fails, error
        return error["message"]

    return run
