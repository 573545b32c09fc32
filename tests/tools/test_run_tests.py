"""tools/run_tests counts what really ran, stops what takes too long, and says what was skipped."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

REPORT = """<testsuites><testsuite>
<testcase name="a" status="run"/>
<testcase name="b" status="run"><failure message="no"/></testcase>
<testcase name="c" status="run"><skipped message="source.cc:7&#x0A;no shared data"/></testcase>
<testcase name="d" status="notrun"/>
</testsuite></testsuites>
"""


@pytest.fixture
def runner(repository: Path) -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("run_tests", str(repository / "tools" / "run_tests"))
    spec = importlib.util.spec_from_loader("run_tests", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["run_tests"] = module  # dataclasses look their module up
    loader.exec_module(module)
    return module


def test_reports_are_counted_and_skips_keep_their_reason(
    runner: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = runner.Tally()

    def start(folder: Path) -> bool:
        (folder / "room.xml").write_text(REPORT)
        return False

    runner.suite(tally, "rooms", tmp_path / "reports", start)
    assert (tally.passed, tally.failed, tally.failures) == (1, 1, ["rooms"])
    runner.report(tally, 3.0)
    output = capsys.readouterr().out.splitlines()
    assert "1 skipped: no shared data" in output
    assert "1 skipped: disabled in rooms" in output
    assert output[0] == "failed: rooms"
    assert output[-1] == "1 passed, 1 failed"


def test_a_crash_without_a_report_is_a_failure(runner: ModuleType, tmp_path: Path) -> None:
    tally = runner.Tally()
    runner.suite(tally, "rooms", tmp_path / "reports", lambda _: False)
    assert (tally.passed, tally.failed) == (0, 1)


def test_a_step_that_takes_too_long_is_stopped_with_all_it_started(
    runner: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    alive = tmp_path / "alive"
    script = f"(sleep 3; touch {alive}) & echo started; wait"
    tally = runner.Tally()
    start = time.monotonic()
    assert not runner.check(tally, "endless", ["bash", "-c", script], 1 / 60)
    assert time.monotonic() - start < 2.9
    assert "endless: FAILED: stopped after" in capfd.readouterr().out
    assert tally.failures == ["endless"]
    time.sleep(max(0.0, 3.2 - (time.monotonic() - start)))
    assert not alive.exists()


def test_exit_code_of_a_failing_step_is_said(runner: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    tally = runner.Tally()
    assert not runner.check(tally, "refuses", ["bash", "-c", "exit 7"], 1)
    assert runner.check(tally, "agrees", ["true"], 1)
    assert "refuses: FAILED with exit code 7" in capfd.readouterr().out
    assert (tally.passed, tally.failed) == (1, 1)


def test_parts_can_be_run_alone_and_unknown_ones_are_refused(repository: Path) -> None:
    command = [sys.executable, str(repository / "tools" / "run_tests")]
    done = subprocess.run([*command, "--part", "coffee"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "asan-ubsan" in done.stderr
    done = subprocess.run([*command, "--all", "--part", "tsan"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "not allowed with" in done.stderr
