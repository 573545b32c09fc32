"""Datasets, their splits, and the loader that feeds a model from them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from millpond import _millpond
from millpond.rows import Rows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from millpond.pond import Pond

Batch = dict[str, Any]
"""Column name to a NumPy array of shape (samples, …), or to a pyarrow array where rows differ in length."""


class Dataset:
    """A dataset pinned to exact table versions: frozen (``reviews@v1``), or the head as it was when opened."""

    def __init__(self, pond: Pond, name: str) -> None:
        self._pond = pond
        self._engine = _millpond.open_dataset(pond._engine, name)
        self._details: dict[str, Any] = self._engine.details()

    def __repr__(self) -> str:
        return f"<millpond.Dataset {self.name}@{self.version or 'head'} {self.hash[:12]}>"

    @property
    def name(self) -> str:
        """Its name, without a version."""
        return str(self._details["name"])

    @property
    def version(self) -> str | None:
        """The frozen version, or None."""
        version: str | None = self._details["version"]
        return version

    @property
    def hash(self) -> str:
        """SHA-256 over query, key, splits, columns, inputs and schema."""
        return str(self._details["hash"])

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """The table versions it reads: ``[{"table", "uuid", "snapshot"}]``."""
        return list(self._details["inputs"])

    @property
    def definition(self) -> dict[str, Any]:
        """The full definition."""
        return dict(self._details["definition"])

    @property
    def features(self) -> list[str]:
        """Feature columns: those of the definition, else all that are neither key, label nor group."""
        named = list(self.definition.get("features") or [])
        if named:
            return named
        taken = {*self.definition["key"], *(self.definition.get("labels") or []), self.definition.get("group")}
        return [column["name"] for column in self._details["schema"] if column["name"] not in taken]

    @property
    def labels(self) -> list[str]:
        """Target columns."""
        return list(self.definition.get("labels") or [])

    @property
    def splits(self) -> list[str]:
        """Names of the parts."""
        return list(self._details["splits"])

    @property
    def summary(self) -> dict[str, Any] | None:
        """Of a frozen version: rows per part and what was checked."""
        summary: dict[str, Any] | None = self._details["summary"]
        return summary

    def split(self, part: str) -> Split:
        """One part: ``train``, ``test``… Nothing is read yet."""
        return Split(self, part)

    def all(self) -> Split:
        """Every row, whatever its part."""
        return Split(self, "all")


class Split:
    """The rows of one part of a dataset, in the order of their key."""

    def __init__(self, dataset: Dataset, part: str) -> None:
        self.dataset = dataset
        self.part = part

    def __repr__(self) -> str:
        return f"<millpond.Split {self.dataset.name}/{self.part}>"

    def _segment(self, columns: Sequence[str]) -> _millpond.Segment:
        return _millpond.open_segment(self.dataset._pond._engine, self.dataset._engine, self.part, list(columns), None)

    def __len__(self) -> int:
        return self._segment(()).rows

    def to_rows(self, columns: Sequence[str] = ()) -> Rows:
        """The rows as an Arrow stream over the memory-mapped segment; no copy. No columns: features and labels."""
        return Rows(self._segment(columns).stream())

    def to_arrow(self, columns: Sequence[str] = ()) -> pa.Table:
        """The rows as a pyarrow table; no copy."""
        return self.to_rows(columns).to_arrow()

    def to_pandas(self, columns: Sequence[str] = ()) -> pd.DataFrame:
        """The rows as a pandas frame."""
        return self.to_rows(columns).to_pandas()

    def to_numpy(self, columns: Sequence[str] = ()) -> np.ndarray[Any, Any]:
        """The columns side by side as one matrix of shape (rows, columns) in the widest of their types.

        No columns: the features. Every column must be numeric.
        """
        import numpy as np

        names = list(columns) or self.dataset.features
        table = self.to_arrow(names)
        return np.column_stack([table.column(name).to_numpy() for name in names])

    def loader(
        self,
        batch_size: int = 256,
        *,
        seed: int = 0,
        shuffle: bool = True,
        columns: Sequence[str] = (),
        rank: int | None = None,
        world_size: int | None = None,
        last: str = "short",
        decode: Mapping[str, int | Sequence[int]] | None = None,
        on_broken: str = "fail",
        prefetch: int = 4,
        threads: int = 2,
        worker: int = 0,
        workers: int = 1,
    ) -> Loader:
        """Batches in an order that is a pure function of (dataset version, part, seed, epoch, step).

        Parameters
        ----------
        batch_size
            Samples per rank and step.
        seed, shuffle
            Each epoch is another permutation under the same seed; without shuffle the order is that of the key.
        columns
            Default: features and labels.
        rank, world_size
            Default: ``RANK`` and ``WORLD_SIZE`` of the environment, else 0 of 1. Any world size sees the same order.
        last
            What becomes of samples that do not fill a global batch: ``short``, ``drop`` or ``pad``.
        decode
            Binary columns that hold PNG or JPEG files, as uint8 pixels (samples, height, width, channels): column to
            channels, or to (channels, height, width).
        on_broken
            ``fail`` or ``skip`` (counted in :meth:`Loader.stats`) where an image cannot be decoded.
        prefetch, threads
            Batches made ahead, and native threads that make them.
        worker, workers
            Yield every ``workers``-th step only, beginning with ``worker``: for processes that share one rank.
        """
        segment = self._segment(columns)
        sizes = {
            name: [value, 0, 0] if isinstance(value, int) else list(value) for name, value in (decode or {}).items()
        }
        engine = segment.loader(
            batch_size,
            shuffle,
            seed,
            int(os.environ.get("RANK", "0")) if rank is None else rank,
            int(os.environ.get("WORLD_SIZE", "1")) if world_size is None else world_size,
            last,
            sizes,
            on_broken,
            prefetch,
            threads,
            worker,
            workers,
        )
        return Loader(engine)


class Loader:
    """Iterates over one epoch, from where it is to the epoch's end; iterate again for the next epoch."""

    def __init__(self, engine: _millpond.Loader) -> None:
        self._engine = engine
        self._order = hashlib.sha256()
        self._hashes = False

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self._engine.next()) is not None:
            if self._hashes:
                self._order.update(batch.hash().encode())
            yield {name: _column(value) for name, value in batch.columns().items()}

    def __len__(self) -> int:
        """Steps of one epoch."""
        return self._engine.steps_per_epoch

    def set_epoch(self, epoch: int) -> None:
        """Jump to the beginning of an epoch."""
        self._engine.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch begins, as small JSON; the same on every rank."""
        return self._engine.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, at the cost of one step; batch size and world size may differ from the state's."""
        self._engine.load_state_dict(dict(state))

    def stats(self) -> dict[str, Any]:
        """Samples, batches, broken images, and seconds spent waiting."""
        return self._engine.stats()

    def record_order(self) -> Loader:
        """Hash every batch from now on; :meth:`order_hash` then proves what a training run saw. Returns itself."""
        self._hashes = True
        return self

    def order_hash(self) -> str:
        """SHA-256 over the hashes of all batches since :meth:`record_order`, in order."""
        return self._order.hexdigest()


def _column(value: Any) -> Any:
    if isinstance(value, _millpond.ArrowColumn):
        import pyarrow as pa

        return pa.array(value)
    return value
