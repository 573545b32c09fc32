"""A pond: tables, versions, datasets and runs in one folder. Each method is a verb of the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from millpond import _millpond
from millpond.rows import Rows
from millpond.run import Run, environment
from millpond.upkeep import UpkeepReport
from millpond.versions import Progress, Versions

if TYPE_CHECKING:
    from millpond.dataset import Dataset
    from millpond.upkeep import UpkeepStep


def init(path: str | Path, *, ledger: str = "", settings: Mapping[str, str] | None = None) -> Pond:
    """Make a pond in a new or empty folder and open it.

    Parameters
    ----------
    path
        The folder.
    ledger
        ``postgresql://user@host/database?schema=name`` to keep the ledger there; empty for a SQLite file in the pond.
    settings
        As for :func:`open`.

    Raises
    ------
    AlreadyExistsError
        There is a pond.
    InvalidError
        The folder holds other things.
    """
    flags = dict(settings or {})
    if ledger:
        flags["ledger.url"] = ledger
    return Pond(_millpond.init(str(path), flags), settings)


def open(path: str | Path = ".", *, settings: Mapping[str, str] | None = None) -> Pond:  # noqa: A001
    """Open the pond in ``path`` or above it.

    Parameters
    ----------
    path
        A pond's folder, or one inside it.
    settings
        Values that win over the environment and millpond.toml; ``Pond.config`` lists the names.

    Raises
    ------
    NotFoundError
        There is no pond.
    """
    return Pond(_millpond.open(str(path), dict(settings or {})), settings)


class Pond(Versions):
    """An opened pond; use :func:`open` or :func:`init`. Safe to use from several threads."""

    def __init__(self, engine: _millpond.Pond, settings: Mapping[str, str] | None = None) -> None:
        self._engine = engine
        self._settings = dict(settings or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_again, (self._engine.folder, self._settings)

    def __repr__(self) -> str:
        return f"<millpond.Pond {self.folder}>"

    @property
    def folder(self) -> Path:
        """The pond's folder, absolute."""
        return Path(self._engine.folder)

    @property
    def author(self) -> str:
        """Who acts: the setting ``author``, else user@host."""
        return self._engine.author

    # Looking.

    def sql(
        self, statement: str, parameters: Sequence[Any] = (), *, at: str = "", message: str = "", branch: str = ""
    ) -> Rows:
        """Ask a question over tables at any ref, or change rows (INSERT, DELETE, UPDATE, MERGE INTO).

        A statement that changes rows is a commit; its result is one row: rows_deleted, rows_updated, rows_inserted
        and commit, which is None where nothing changed.

        Parameters
        ----------
        statement
            For instance ``SELECT * FROM shop.orders AT TAG v1 WHERE id = ?``.
        parameters
            Values for the ``?`` in order: None, bool, int, float, str, bytes, date, time, datetime or Decimal.
        at
            The version of tables that name none: a branch, tag, commit, ``~N`` or ISO time.
        message
            Of a statement that changes rows: why.
        branch
            Where such a statement lands.
        """
        return Rows(self._engine.sql(statement, list(parameters), at, message, branch))

    def explain(self, statement: str, *, at: str = "") -> dict[str, Any]:
        """What a statement would read: files before and after pruning, and the plan."""
        return self._engine.explain(statement, at)

    def read(self, table: str, columns: Sequence[str] = (), *, where: str = "") -> Rows:
        """Rows of one table, ``shop.orders`` or ``shop.orders@v1``; ``where`` is an SQL condition."""
        name, _, ref = table.partition("@")
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in name.rsplit(".", 1))
        chosen = ", ".join('"' + column.replace('"', '""') + '"' for column in columns) or "*"
        return self.sql(f"SELECT {chosen} FROM {quoted}" + (f" WHERE {where}" if where else ""), at=ref)

    def tables(self, *, at: str = "") -> list[dict[str, Any]]:
        """Tables at the head or a ref: name, rows, files, bytes, columns, snapshot."""
        return list(self._engine.ls(at)["tables"])

    def show(self, table: str) -> dict[str, Any]:
        """One table: columns, size, location, snapshots."""
        return self._engine.show(table)

    def status(self, *, branch: str = "main") -> dict[str, Any]:
        """A branch's head commit, how it stands to main, and tables that other engines changed since."""
        return self._engine.status(branch)

    def config(self) -> list[dict[str, Any]]:
        """Every setting with its value and where it comes from."""
        return list(self._engine.config()["settings"])

    def doctor(
        self,
        *,
        deep: bool = False,
        remove_orphans: bool = False,
        grace_hours: float = 24,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Verify the ledger and every pointer; find, and on request remove, what nothing reaches."""
        return self._engine.doctor(deep, remove_orphans, grace_hours, progress)

    def upkeep(
        self,
        *tables: str,
        only: Sequence[UpkeepStep] = (),
        dry_run: bool = False,
        grace_hours: float = 24,
        progress: Progress | None = None,
    ) -> UpkeepReport:
        """Compact tables, merge manifests, expire old snapshots and remove orphans, or say what that would do.

        Parameters
        ----------
        tables
            Tables of main; none: all of them, and the pond's orphans.
        only
            Steps to run: ``compact``, ``manifests``, ``expire``, ``orphans``.
        dry_run
            Write nothing.
        grace_hours
            How long orphans, and files of snapshots that expired, are kept.

        Returns
        -------
        UpkeepReport
            What each step did to each table. A step that fails does not end the others: look at ``failed``.
        """
        report = self._engine.upkeep(tables, only, dry_run, grace_hours, progress)
        return UpkeepReport._of(report)

    # Bringing rows in.

    def sync(
        self,
        source: str | Path,
        table: str = "",
        *,
        replace: bool = False,
        key: Sequence[str] = (),
        evolve: bool = True,
        format: str = "",  # noqa: A002
        options: Mapping[str, str] | None = None,
        types: Mapping[str, str] | None = None,
        strict: bool = False,
        message: str = "",
        branch: str = "main",
        idempotency_key: str = "",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Bring what is new in files into a table, in one commit; see ``millpond sync --help``.

        Returns
        -------
        dict
            ``tables``: rows, rejects, files read and skipped of each; ``commit``: its id, None where nothing was new.
        """
        return self._engine.sync(
            str(source),
            table,
            replace,
            list(key),
            evolve,
            message,
            idempotency_key,
            format,
            dict(options or {}),
            dict(types or {}),
            strict,
            branch,
            progress,
        )

    def append(
        self, table: str, data: Any, *, evolve: bool = False, message: str = "", branch: str = "main"
    ) -> dict[str, Any]:
        """Append rows; the table is made where it is not there. ``data``: anything with ``__arrow_c_stream__``."""
        return self.write({table: data}, evolve=evolve, message=message, branch=branch)

    def write(
        self,
        tables: Mapping[str, Any],
        *,
        mode: str = "append",
        evolve: bool = False,
        message: str = "",
        branch: str = "main",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Write several tables in one commit.

        Parameters
        ----------
        tables
            Name to rows: a pyarrow or polars table, a pandas frame, anything with ``__arrow_c_stream__``.
        mode
            ``create``, ``append`` or ``overwrite``.
        evolve
            Add columns and widen types where the rows ask for it.
        branch
            Where the commit lands.
        """
        return self._engine.write(dict(tables), mode, evolve, message, branch, progress)

    # Changing rows.

    def delete(
        self,
        table: str,
        where: str,
        *,
        message: str = "",
        idempotency_key: str = "",
        dry_run: bool = False,
        branch: str = "",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Delete the rows for which the SQL condition ``where`` holds (``"true"``: all), in one commit.

        Returns
        -------
        dict
            ``rows_deleted``, ``files_rewritten``, ``files_removed``, ``files_marked`` (deletes stand beside them) and
            ``commit``, None where no row was there.
        """
        return self._engine.delete_rows(table, where, message, idempotency_key, dry_run, branch, progress)

    def update(
        self,
        table: str,
        values: Mapping[str, str],
        *,
        where: str = "",
        message: str = "",
        idempotency_key: str = "",
        dry_run: bool = False,
        branch: str = "",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Set columns to SQL expressions over the row's old values. ``sample_id`` stays."""
        return self._engine.update_rows(table, dict(values), where, message, idempotency_key, dry_run, branch, progress)

    def upsert(
        self,
        table: str,
        rows: Any,
        *,
        on: Sequence[str],
        mode: str = "upsert",
        message: str = "",
        idempotency_key: str = "",
        dry_run: bool = False,
        branch: str = "",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Bring rows into a table by key.

        Parameters
        ----------
        rows
            A SELECT as text, or anything with ``__arrow_c_stream__``.
        on
            The key columns; each new row must have its own key.
        mode
            ``upsert``, ``delete`` (rows with these keys), ``insert-only``, or ``scd2``: a changed row is closed in
            ``valid_to`` and ``is_current``, and a new version stands beside it.
        """
        query = rows if isinstance(rows, str) else ""
        data = None if isinstance(rows, str) else rows
        return self._engine.upsert_rows(
            table, data, query, list(on), mode, message, idempotency_key, dry_run, branch, progress
        )

    def create(
        self,
        table: str,
        columns: str,
        *,
        key: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        format_version: int = 2,
        message: str = "",
        branch: str = "",
    ) -> dict[str, Any]:
        """Make an empty table with stated columns.

        Parameters
        ----------
        columns
            Names with SQL types, as ``"order_id BIGINT NOT NULL, note VARCHAR"``; ``sample_id`` is added.
        key
            Columns that identify a row, instead of ``sample_id``.
        format_version
            Iceberg's: 2, or 3 for row lineage and deletion vectors.
        """
        return self._engine.create_table(
            table, columns, list(key), dict(properties or {}), format_version, message, branch
        )

    def alter(self, table: str, *changes: Sequence[str], message: str = "", branch: str = "") -> dict[str, Any]:
        """Change columns, in one commit that rewrites no row.

        Parameters
        ----------
        changes
            Each of ``("add", column, sql_type)``, ``("drop", column)``, ``("rename", column, name)``,
            ``("move", column, after)``, ``("widen", column, sql_type)``, ``("optional", column)``,
            ``("describe", column, text)``. Columns inside structs go by path: ``address.city``.
        """
        return self._engine.alter(table, list(changes), message, branch)

    def set_properties(
        self, table: str, properties: Mapping[str, str | None], *, message: str = "", branch: str = ""
    ) -> dict[str, Any]:
        """Set table properties; None removes one."""
        return self._engine.set_properties(table, dict(properties), message, branch)

    def commit(
        self,
        message: str,
        *,
        files: Mapping[str, str | Path] | None = None,
        queries: Mapping[str, str] | None = None,
        drop: Sequence[str] = (),
        replace: bool = False,
        branch: str = "main",
        idempotency_key: str = "",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Write tables from files and queries in one commit, drop tables, or record what other engines wrote."""
        return self._engine.commit(
            message,
            [f"{table}={path}" for table, path in (files or {}).items()],
            [f"{table}={query}" for table, query in (queries or {}).items()],
            list(drop),
            replace,
            idempotency_key,
            branch,
            progress,
        )

    # Quality and labels.

    def profile(self, table: str, columns: Sequence[str] = ()) -> dict[str, Any]:
        """Column by column: nulls, distinct values, range, moments, quantiles, top values."""
        return self._engine.profile(table, list(columns))

    def suggest_suite(self, table: str) -> dict[str, Any]:
        """A first suite of expectations that the table meets now."""
        return self._engine.suggest_suite(table)

    def check(
        self, table: str, suite: str | Path | Mapping[str, Any] | Sequence[Any], *, samples: int = 20
    ) -> dict[str, Any]:
        """Check a table against a suite (a path, or itself); a validation result in Great Expectations' shape."""
        return self._engine.check(table, *_document(suite), samples)

    def clean(
        self,
        table: str,
        recipe: str | Path | Mapping[str, Any],
        *,
        dry_run: bool = False,
        strict: bool = False,
        message: str = "",
        branch: str = "main",
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Apply a recipe (a path, or the recipe itself) as one commit; what each step did is recorded in it."""
        return self._engine.clean(table, *_document(recipe), dry_run, strict, message, branch, progress)

    def label(
        self,
        table: str,
        *,
        source: str | Path = "",
        format: str = "",  # noqa: A002
        options: Mapping[str, str] | None = None,
        strict: bool = False,
        progress: Progress | None = None,
        **fields: str | Sequence[str],
    ) -> dict[str, Any]:
        """Label a table's samples from a file (``source``) or an SQL ``expression``.

        Parameters
        ----------
        **fields
            ``expression``, ``label_set``, ``key``, ``sample_column``, ``label_column``, ``annotator_column``,
            ``confidence_column``, ``time_column``, ``annotator``, ``classes``, ``message``, ``branch``: see
            ``millpond label --help``.
        """
        arguments: dict[str, Any] = {
            name: value if isinstance(value, str) else list(value) for name, value in fields.items()
        }
        if str(source):
            arguments["url"] = str(source)
        return self._engine.label(table, arguments, format, dict(options or {}), strict, progress)

    def labels(self, table: str) -> list[dict[str, Any]]:
        """One summary per label set: classes, annotators, coverage, conflicts."""
        return list(self._engine.label_summaries(table)["label_sets"])

    # Datasets.

    def define_dataset(self, definition: str | Path | Mapping[str, Any]) -> dict[str, Any]:
        """Store a dataset's definition (a path, or the definition itself)."""
        return self._engine.define_dataset(*_document(definition))

    def datasets(self) -> list[dict[str, Any]]:
        """All datasets with their frozen versions."""
        return list(self._engine.datasets()["datasets"])

    def freeze(
        self, name: str, version: str, *, allow_leaks: bool = False, at: str = "", progress: Progress | None = None
    ) -> dict[str, Any]:
        """Pin a dataset to the tables as they are at ``at`` (default: main) now: immutable, hashed."""
        return self._engine.freeze(name, version, allow_leaks, at, progress)

    def dataset(self, name: str) -> Dataset:
        """Open ``reviews@v1``, or ``reviews`` pinned to the head of now."""
        from millpond.dataset import Dataset

        return Dataset(self, name)

    # Experiments.

    def run(
        self,
        experiment: str,
        *,
        name: str = "",
        dataset: str = "",
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Start a run; it records the dataset version and hash, the git commit here, packages and params."""
        details = self._engine.start_run(experiment, name, dataset, dict(params or {}), dict(tags or {}), environment())
        return Run(self, details)

    def runs(self, *, experiment: str = "", status: str = "", dataset: str = "") -> list[dict[str, Any]]:
        """Runs, newest first."""
        return list(self._engine.runs(experiment, status, dataset)["runs"])

    def show_run(self, run: str) -> dict[str, Any]:
        """One run by id, the beginning of its id, or its name."""
        return self._engine.show_run(run)


def _open_again(folder: str, settings: Mapping[str, str]) -> Pond:
    """A pond that was sent to another process."""
    return open(folder, settings=settings)


def _document(value: str | Path | Mapping[str, Any] | Sequence[Any]) -> tuple[str, str]:
    """A definition's text, and the name that errors give it. A str is a path too."""
    if isinstance(value, str | Path):
        path = Path(value)
        return path.read_text(encoding="utf-8"), str(path)
    return json.dumps(value), "argument"
