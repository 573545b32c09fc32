"""tools/lint hands clang-format the files that changed since they last passed, and no others."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def lint(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program over a small repository of its own."""
    loader = importlib.machinery.SourceFileLoader("lint", str(repository / "tools" / "lint"))
    spec = importlib.util.spec_from_loader("lint", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.txt").write_text("clang-format==1\n")
    (tmp_path / ".clang-format").write_text("BasedOnStyle: Google\n")
    for name in ("a.cc", "b.h"):
        (tmp_path / name).write_text("int x;\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "FORMATTED", tmp_path / "build" / "formatted.json")
    monkeypatch.setattr(module, "STAMPS", tmp_path / "build")
    return module


def files_to_format(lint: ModuleType) -> list[str]:
    checks = dict(lint.fast_checks(False, lint.format_keys()))
    return [word for word in checks.get("clang-format", []) if word.endswith((".cc", ".h"))]


def test_only_changed_files_are_formatted_again(lint: ModuleType, tmp_path: Path) -> None:
    assert files_to_format(lint) == ["a.cc", "b.h"]
    lint.remember_formatted(lint.format_keys())
    assert files_to_format(lint) == []
    (tmp_path / "a.cc").write_text("int  y;\n")
    assert files_to_format(lint) == ["a.cc"]


def test_other_rules_or_another_version_look_at_all_files(lint: ModuleType, tmp_path: Path) -> None:
    lint.remember_formatted(lint.format_keys())
    (tmp_path / "requirements" / "dev.txt").write_text("clang-format==2\n")
    assert files_to_format(lint) == ["a.cc", "b.h"]
    lint.remember_formatted(lint.format_keys())
    (tmp_path / ".clang-format").write_text("BasedOnStyle: LLVM\n")
    assert files_to_format(lint) == ["a.cc", "b.h"]


def test_a_torn_stamp_looks_at_all_files(lint: ModuleType) -> None:
    lint.remember_formatted(lint.format_keys())
    lint.FORMATTED.write_text("{")
    assert files_to_format(lint) == ["a.cc", "b.h"]
