"""Runs a command under the fault shim and strikes at its n-th change of a folder.

A command changes files by write-like calls (write, pwrite, writev, fsync, fdatasync, ftruncate, open with O_CREAT,
mkdir, link, rename, unlink, rmdir). The shim counts those below a folder, and the process's end ("exit": what it
reported as done must last); at the n-th it does one of:

- ``kill``: ends the process before the call;
- ``tear``: writes half of the bytes, then ends the process;
- ``lose``: a power cut: undoes everything that was not yet made durable by fsync, then ends the process;
- ``fail``: makes the call fail with an errno (and, where ``sticky``, every later one: a full disk stays full);
- ``delay``: sleeps before the call.

`check_atomic` does so at every call of a command and asserts that a reader sees the old or the new state.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

Mode = Literal["count", "kill", "tear", "lose", "fail", "delay"]
Command = Sequence[str | Path]


@dataclass(frozen=True)
class Operation:
    """One write-like call below the watched folder."""

    call: str
    path: str  # relative to the folder
    other: str  # the new name of a link or rename, else ""
    size: int


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it did until then."""

    returncode: int
    stdout: str
    stderr: str
    operations: list[Operation]

    @property
    def killed(self) -> bool:
        return self.returncode == -signal.SIGKILL


@dataclass(frozen=True)
class Shim:
    """The fault library; `path` is the built ``libmillpond_fault_shim.so``."""

    path: Path

    def run_with_fault(
        self,
        command: Command,
        root: Path,
        nth: int = 0,
        mode: Mode = "count",
        *,
        error: int = errno.ENOSPC,
        sticky: bool = False,
        only: Sequence[str] = (),
        delay_ms: int = 100,
        environment: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Outcome:
        """Runs `command`; strikes at its `nth` change below `root` (from 1; 0: never).

        `only` names the calls that count ("link", "rename", "fsync", ...); without it all do.
        """
        root = root.resolve()
        with tempfile.TemporaryDirectory(prefix="fault-", dir=root.parent) as scratch:
            log = Path(scratch) / "log"
            settings = {
                "LD_PRELOAD": str(self.path),
                "MILLPOND_FAULT_ROOT": str(root),
                "MILLPOND_FAULT_NTH": str(nth),
                "MILLPOND_FAULT_MODE": mode,
                "MILLPOND_FAULT_ERRNO": str(error),
                "MILLPOND_FAULT_STICKY": str(int(sticky)),
                "MILLPOND_FAULT_MS": str(delay_ms),
                "MILLPOND_FAULT_ONLY": "".join(f",{call}" for call in only) + "," if only else "",
                "MILLPOND_FAULT_LOG": str(log),
                "MILLPOND_FAULT_TRASH": scratch,
            }
            done = subprocess.run(
                [str(word) for word in command],
                env={**os.environ, **(environment or {}), **settings},
                capture_output=True,
                text=True,
                timeout=timeout,
            )
            lines = log.read_text(errors="surrogateescape").splitlines() if log.exists() else []
        return Outcome(done.returncode, done.stdout, done.stderr, [_operation(line, root) for line in lines])


def _operation(line: str, root: Path) -> Operation:
    call, path, other, size = line.split("\t")
    prefix = f"{root}/"
    return Operation(call, path.removeprefix(prefix), other.removeprefix(prefix), int(size))


@dataclass(frozen=True)
class Attempts:
    """How many strikes left the old state, how many the new one."""

    old: int
    new: int


def strike_every(some: int) -> pytest.MarkDecorator:
    """Gives a test `every`: some of the changes in `make test`, each one in `make test-all`."""
    return pytest.mark.parametrize("every", [some, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])


def check_atomic(
    shim: Shim,
    folder: Path,
    command: Command,
    read_state: Callable[[Path], object],
    mode: Mode,
    *,
    every: int = 1,
    error: int = errno.ENOSPC,
    sticky: bool = False,
    only: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    after_each: Callable[[Path], None] | None = None,
) -> Attempts:
    """Strikes at every `every`-th change that `command` makes in `folder`, and at the last; reads the state after each.

    `read_state(folder)` opens the pond as a reader would, asserts that it is sound and returns what it holds,
    comparable by ==. After each strike it must be the state before the command or the one after it; running the
    command again without a fault must then lead to the latter. `after_each` may look closer, for example run upkeep.
    The folder keeps its path, because ponds hold absolute ones, and is put back before each strike and at the end.
    """
    pristine = Path(tempfile.mkdtemp(prefix="pristine-", dir=folder.parent)) / "folder"
    shutil.copytree(folder, pristine, symlinks=True)

    def put_back() -> None:
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder, symlinks=True)

    old = read_state(folder)
    whole = shim.run_with_fault(command, folder, only=only, environment=environment)
    assert whole.returncode == 0, whole.stderr
    new = read_state(folder)
    assert old != new, "the command changes nothing that read_state sees"
    seen = {"old": 0, "new": 0}
    last = len(whole.operations)
    for nth in sorted({*range(1, last + 1, every), last}):
        put_back()
        outcome = shim.run_with_fault(
            command, folder, nth, mode, error=error, sticky=sticky, only=only, environment=environment
        )
        where = f"{mode} at change {nth} of {len(whole.operations)}: {outcome.operations[-1]}\n{outcome.stderr}"
        assert outcome.killed or mode in ("fail", "delay"), where
        state = read_state(folder)
        assert state in (old, new), f"{where}\nthe state is neither old nor new: {state}"
        # Success means that it is there; a failure may come after the point of no return.
        finished = outcome.returncode == 0 or (outcome.killed and outcome.operations[-1].call == "exit")
        assert state == new or not finished, f"{where}\nsuccess was reported, but the state is old"
        seen["new" if state == new else "old"] += 1
        if after_each is not None:
            after_each(folder)
        again = subprocess.run(
            [str(word) for word in command], env={**os.environ, **(environment or {})}, capture_output=True, text=True
        )
        assert again.returncode == 0, f"{where}\nthe command cannot be run again: {again.stderr}"
        assert read_state(folder) == new, f"{where}\nrunning it again did not mend it"
    put_back()
    shutil.rmtree(pristine.parent)
    return Attempts(**seen)
