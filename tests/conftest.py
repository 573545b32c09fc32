"""Fixtures that every Python test may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from server_fixtures import postgres_server, remove_home, s3_server, spark_server

__all__ = ["postgres_server", "s3_server", "spark_server"]

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leave nothing of the servers behind."""
    remove_home(session.config)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Public data sets beside the repository; the test is skipped where they are absent."""
    folder = Path(os.environ.get("MILLPOND_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}; set MILLPOND_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def build_folder() -> Path:
    """The newest configured build: MILLPOND_BUILD, else build/release, else build/dev."""
    named = os.environ.get("MILLPOND_BUILD")
    for folder in [Path(named)] if named else [ROOT / "build" / "release", ROOT / "build" / "dev"]:
        if (folder / "compile_commands.json").is_file():
            return folder
    pytest.skip("nothing is built; run make dev")


@pytest.fixture(scope="session")
def program() -> Path:
    """The millpond launcher: of this Python's environment, else of the build."""
    places = [Path(sys.prefix) / "bin", ROOT / "build" / "release", ROOT / "build" / "dev"]
    for place in places:
        if (place / "millpond").is_file():
            return place / "millpond"
    pytest.skip("millpond is not built; run make dev")
