"""The ledger of a pond as a whole: where it is, moving it, backing it up. Each function is a verb of the engine.

They take the pond's folder and not an opened pond, because its ledger may be moving or damaged.

>>> from millpond import ledger
>>> ledger.back_up("./pond", "ledger-backup.db")              # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from millpond import _millpond

Progress = Callable[[str, int, int, str], None]


def show(pond: str | Path = ".") -> dict[str, Any]:
    """Tell the ledger's kind, place and version, and where it is moving to, if it is."""
    return _millpond.ledger(str(pond), {})


def move(pond: str | Path, target: str, *, progress: Progress | None = None) -> dict[str, Any]:
    """Move the ledger to a ``postgresql://`` URL, or with ``"sqlite"`` back into the pond.

    Writers meanwhile fail with :class:`millpond.errors.UnavailableError`; every row is compared before the pond is
    switched in one step. A move that was interrupted goes on when it is called again.
    """
    return _millpond.move_ledger(str(pond), target, progress)


def abandon_move(pond: str | Path) -> None:
    """Let the ledger of an interrupted move be written again."""
    _millpond.abandon_ledger_move(str(pond))


def back_up(pond: str | Path, file: str | Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Write one consistent state of the ledger to a new SQLite file, while the pond is in use."""
    return _millpond.back_up_ledger(str(pond), str(file), progress)


def restore(pond: str | Path, file: str | Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Replace what the ledger holds, newer commits included, by a backup, in one transaction."""
    return _millpond.restore_ledger(str(pond), str(file), progress)
