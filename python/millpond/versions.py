"""The part of a pond that is its history: log, diff, branches, tags, merges. Each method is a verb of the engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from millpond import _millpond

Progress = Callable[[str, int, int, str], None]
"""Called with (phase, done, total, unit); total is -1 where it is not known."""

Prefer = Literal["ours", "theirs"]
"""Whose row stays where both sides changed it: the branch's that is written to, or the other's."""


class Versions:
    """The verbs of history; part of :class:`millpond.Pond`."""

    _engine: _millpond.Pond

    def log(self, table: str = "", *, limit: int = -1, at: str = "", all_refs: bool = False) -> list[dict[str, Any]]:
        """Commits that ``at`` reaches (default: main; or every branch and tag), newest first.

        With ``table`` only those that touched it.
        """
        return list(self._engine.log(table, limit, at, all_refs)["commits"])

    def diff(self, from_ref: str, to_ref: str = "", *, table: str = "", rows: bool = True) -> list[dict[str, Any]]:
        """Tables that differ between two versions: columns, totals, rows added, removed and changed by key."""
        return list(self._engine.diff(from_ref, to_ref, table, rows)["tables"])

    def tag(self, name: str, ref: str = "", *, message: str = "", force: bool = False) -> dict[str, Any]:
        """Name a version of the whole pond; ``force`` moves a tag that exists."""
        return self._engine.tag(name, ref, message, force)

    def tags(self) -> list[dict[str, Any]]:
        """All tags."""
        return list(self._engine.tags()["tags"])

    def delete_tag(self, name: str) -> None:
        """Delete a tag; data stays."""
        self._engine.delete_tag(name)

    def branches(self) -> list[dict[str, Any]]:
        """All branches: head, commits ahead of and behind main, whether protected."""
        return list(self._engine.branches()["branches"])

    def branch(self, name: str, ref: str = "", *, message: str = "") -> dict[str, Any]:
        """Make a branch that begins at ``ref`` (default: the head of main). Costs one row, whatever the pond holds."""
        return self._engine.create_branch(name, ref, message)

    def delete_branch(self, name: str, *, force: bool = False) -> dict[str, Any]:
        """Delete a branch.

        Raises
        ------
        ConflictError
            It has commits that no other branch or tag has, and ``force`` is not set.
        DeniedError
            It is protected.
        """
        return self._engine.delete_branch(name, force)

    def rename_branch(self, name: str, to: str) -> dict[str, Any]:
        """Give a branch another name."""
        return self._engine.rename_branch(name, to)

    def protect_branch(self, name: str, protected: bool = True) -> dict[str, Any]:
        """Let only merges move a branch, or every commit again."""
        return self._engine.protect_branch(name, protected)

    def merge(
        self,
        branch: str,
        *,
        into: str = "main",
        message: str = "",
        base: str = "",
        no_ff: bool = False,
        ff_only: bool = False,
        prefer: Prefer | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Bring what ``branch`` did into another branch: moved forward, or joined row by row by identifier columns.

        Parameters
        ----------
        base
            The common commit to compare with, where the two branches merged each other before and there are several.
        no_ff, ff_only
            Make a merge commit even where moving forward would do; refuse where it would not do.
        prefer
            ``"ours"`` or ``"theirs"``: which side's row stays where both changed it differently.
        dry_run
            Only report what would happen, conflicts included (``"conflicts"``, the first 100).

        Raises
        ------
        ConflictError
            Both sides changed the same rows differently and ``prefer`` is not set, both changed a table's columns, or
            there are several commits to compare with and ``base`` names none.
        """
        ours, theirs = _preference(prefer)
        return self._engine.merge(branch, into, message, base, no_ff, ff_only, ours, theirs, dry_run, progress)

    def revert(
        self,
        commit: str,
        *,
        branch: str = "main",
        message: str = "",
        prefer: Prefer | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Undo one commit of ``branch`` with a new one; ``prefer`` and errors as in :meth:`merge`."""
        return self._engine.revert(commit, branch, message, *_preference(prefer), dry_run, progress)

    def cherry_pick(
        self,
        commit: str,
        *,
        onto: str = "main",
        message: str = "",
        prefer: Prefer | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Do on branch ``onto`` what one commit did elsewhere; ``prefer`` and errors as in :meth:`merge`."""
        return self._engine.cherry_pick(commit, onto, message, *_preference(prefer), dry_run, progress)

    def restore(
        self,
        tables: str | Sequence[str] = (),
        *,
        to: str,
        branch: str = "main",
        message: str = "",
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Make tables, or the whole pond, what they were at ref ``to``, as a new commit; no data is copied."""
        names = [tables] if isinstance(tables, str) else list(tables)
        return self._engine.restore(names, to, branch, message, dry_run, progress)


def _preference(prefer: Prefer | None) -> tuple[bool, bool]:
    """``prefer`` as the engine's two flags."""
    if prefer not in (None, "ours", "theirs"):
        message = f"prefer is 'ours', 'theirs' or None, not {prefer!r}"
        raise ValueError(message)
    return prefer == "ours", prefer == "theirs"
