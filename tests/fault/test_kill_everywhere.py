"""After a fault at every single change of a commit the pond opens and has the old or the new state.

`make test` strikes at some of the changes, `make test-all` at every one.
"""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import Command, Mode, Shim, check_atomic, strike_every


@pytest.fixture
def pond(committer: Path, tmp_path: Path) -> Path:
    """A pond with one commit."""
    folder = tmp_path / "pond"
    folder.mkdir()
    subprocess.run([committer, "init", folder], check=True)
    subprocess.run([committer, "commit", folder, "first"], check=True)
    return folder


@pytest.fixture
def read_state(committer: Path) -> Callable[[Path], object]:
    """What a reader sees, with every blob read."""

    def read(folder: Path) -> object:
        done = subprocess.run([committer, "state", folder], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read


@pytest.fixture
def upkeep(committer: Path) -> Callable[[Path], None]:
    """Removes orphans and asserts that none is left."""

    def run(folder: Path) -> None:
        state = json.loads(subprocess.run([committer, "upkeep", folder], capture_output=True, check=True).stdout)
        data = folder / "truth" / "shop" / "orders" / "data"
        assert len(list(data.iterdir())) == state["blobs"]
        assert not list((folder / "truth" / ".pending").iterdir())

    return run


@strike_every(4)
@pytest.mark.parametrize("mode", ["kill", "lose"])
def test_commit_is_atomic_under(
    mode: Mode,
    every: int,
    shim: Shim,
    committer: Path,
    pond: Path,
    read_state: Callable[[Path], object],
    upkeep: Callable[[Path], None],
) -> None:
    command: Command = [committer, "commit", pond, "second"]
    attempts = check_atomic(shim, pond, command, read_state, mode, every=every, after_each=upkeep)
    assert attempts.old > 20 // every
    assert attempts.new > 0


def test_commit_is_atomic_under_torn_writes(
    shim: Shim, committer: Path, pond: Path, read_state: Callable[[Path], object]
) -> None:
    command: Command = [committer, "commit", pond, "second"]
    attempts = check_atomic(shim, pond, command, read_state, "tear", only=["write", "pwrite", "writev"])
    assert attempts.old > 5
    assert attempts.new > 0


@strike_every(4)
@pytest.mark.parametrize(
    ("error", "sticky"), [(errno.ENOSPC, True), (errno.EIO, False)], ids=["disk full", "one I/O error"]
)
def test_commit_is_atomic_when_calls_fail(
    error: int, sticky: bool, every: int, shim: Shim, committer: Path, pond: Path, read_state: Callable[[Path], object]
) -> None:
    command: Command = [committer, "commit", pond, "second"]
    attempts = check_atomic(shim, pond, command, read_state, "fail", every=every, error=error, sticky=sticky)
    assert attempts.old > 5


def test_full_disk_is_named_as_such(shim: Shim, committer: Path, pond: Path) -> None:
    outcome = shim.run_with_fault(
        [committer, "commit", pond, "second"], pond, 1, "fail", only=["write", "pwrite"], sticky=True
    )
    assert outcome.returncode == 9
    assert "No space left on device" in outcome.stderr


def test_log_that_cannot_be_created_is_named(shim: Shim, committer: Path, pond: Path) -> None:
    outcome = shim.run_with_fault([committer, "commit", pond, "second"], pond, 1, "fail", only=["open"], sticky=True)
    assert outcome.returncode == 7
    assert "ledger.db-wal cannot be created" in outcome.stderr


@strike_every(7)
@pytest.mark.parametrize("mode", ["kill", "lose"])
def test_init_leaves_a_whole_ledger_or_none(
    mode: Mode, every: int, shim: Shim, committer: Path, tmp_path: Path
) -> None:
    counted = tmp_path / "counted"
    counted.mkdir()
    total = len(shim.run_with_fault([committer, "init", counted], counted).operations)
    assert total > 10
    for nth in range(1, total + 1, every):
        folder = tmp_path / f"pond-{nth}"
        folder.mkdir()
        assert shim.run_with_fault([committer, "init", folder], folder, nth, mode).killed
        again = subprocess.run([committer, "init", folder], capture_output=True, text=True)
        if (folder / "ledger.db").exists() and again.returncode != 0:
            assert again.returncode == 4, again.stderr  # already_exists
        else:
            assert again.returncode == 0, again.stderr
        assert subprocess.run([committer, "state", folder], capture_output=True).returncode == 0


def test_blobs_are_durable_before_they_are_visible_and_before_the_ledger_names_them(
    shim: Shim, committer: Path, pond: Path
) -> None:
    operations = shim.run_with_fault([committer, "commit", pond, "second"], pond).operations
    links = [o for o in operations if o.call == "link"]
    assert len(links) == 4
    for link in links:
        at = operations.index(link)
        pending = [o for o in operations[:at] if o.path == link.path]
        assert [o.call for o in pending[-2:]] == ["write", "fsync"], pending
        folder = str(Path(link.other).parent)
        after = operations[at + 1 :]
        synced = [(o.call, o.path) for o in after].index(("fsync", folder))
        assert not any(o.path.startswith("ledger.db") for o in after[:synced])
    last_link = operations.index(links[-1])
    log = [o.call for o in operations[last_link:] if o.path == "ledger.db-wal"]
    assert "fdatasync" in log or "fsync" in log


def test_links_refused_by_the_file_system_are_renames(
    shim: Shim, committer: Path, pond: Path, read_state: Callable[[Path], object]
) -> None:
    outcome = shim.run_with_fault(
        [committer, "commit", pond, "second"], pond, 1, "fail", error=errno.EPERM, only=["link"], sticky=True
    )
    assert outcome.returncode == 0, outcome.stderr
    state = read_state(pond)
    assert isinstance(state, dict)
    assert state["blobs"] == 6


def test_slow_disk_only_takes_longer(
    shim: Shim, committer: Path, pond: Path, read_state: Callable[[Path], object]
) -> None:
    outcome = shim.run_with_fault([committer, "commit", pond, "second"], pond, 1, "delay", delay_ms=300, only=["fsync"])
    assert outcome.returncode == 0, outcome.stderr
    state = read_state(pond)
    assert isinstance(state, dict)
    assert state["commits"] == ["commit first", "commit second"]
