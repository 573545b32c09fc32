"""What ``Pond.upkeep`` did, or would do, to each table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

UpkeepStep: TypeAlias = Literal["compact", "manifests", "expire", "orphans"]


@dataclass(frozen=True)
class UpkeepOutcome:
    """One step on one table; ``table`` is None for the step ``orphans``, which is the pond's.

    ``outcome`` is ``done``, ``planned`` (a dry run), ``nothing`` (it was in order), ``skipped`` (a table that Millpond
    does not write) or ``failed``; of the last two ``error`` says why. ``details`` holds the step's counts:
    ``files_before``, ``files_after``, ``bytes_before``, ``bytes_after``, ``rows_deleted``, ``delete_files_dropped``;
    ``manifests_before``, ``manifests_after``; ``snapshots``, ``snapshots_expired``, ``refs_expired``; ``files``,
    ``bytes``.
    """

    step: UpkeepStep
    table: str | None
    outcome: Literal["done", "planned", "nothing", "skipped", "failed"]
    error: str | None
    commits: tuple[str, ...]
    details: dict[str, Any]


@dataclass(frozen=True)
class UpkeepReport:
    """All steps in the order in which they ran, and how many failed."""

    steps: tuple[UpkeepOutcome, ...]
    failed: int
    dry_run: bool

    @classmethod
    def _of(cls, report: dict[str, Any]) -> UpkeepReport:
        named = ("step", "table", "outcome", "error", "commits")
        return cls(
            steps=tuple(
                UpkeepOutcome(
                    step=one["step"],
                    table=one["table"],
                    outcome=one["outcome"],
                    error=one["error"],
                    commits=tuple(one["commits"]),
                    details={key: value for key, value in one.items() if key not in named},
                )
                for one in report["steps"]
            ),
            failed=report["failed"],
            dry_run=report["dry_run"],
        )
