"""Fixtures for fault tests: the shim and the small program that commits through store and ledger."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


# Pytest's importlib mode keeps test folders off sys.path; the tests import this module by name.
faults = _load("faults")


@pytest.fixture(scope="session")
def shim(build_folder: Path) -> object:
    """The fault library of the build."""
    path = build_folder / "tests" / "fault" / "libmillpond_fault_shim.so"
    if not path.is_file():
        pytest.skip(f"{path} is not built")
    return faults.Shim(path)


@pytest.fixture(scope="session")
def committer(build_folder: Path) -> Path:
    """The program tests/fault/fault_commit.cc."""
    path = build_folder / "tests" / "fault" / "millpond_fault_commit"
    if not path.is_file():
        pytest.skip(f"{path} is not built")
    return path
