"""Datasets, their splits, and the loader that feeds a model from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from millpond import _millpond
from millpond.errors import ConflictError
from millpond.loader import Loader, LoaderArguments, LoaderOptions, launched_rank
from millpond.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import tensorflow as tf

    from millpond.pond import Pond
    from millpond.torch import TorchDataset


class Dataset:
    """A dataset pinned to exact table versions: frozen (``reviews@v1``), or the head as it was when opened."""

    def __init__(self, pond: Pond, name: str) -> None:
        self._pond = pond
        self._engine = _millpond.open_dataset(pond._engine, name)
        self._details: dict[str, Any] = self._engine.details()

    def __repr__(self) -> str:
        return f"<millpond.Dataset {self.name}@{self.version or 'head'} {self.hash[:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        version = f"{self.name}@{self.version}" if self.version else self.name
        return _reopen, (self._pond, version, self.hash)

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

    def segment(self, columns: Sequence[str] = ()) -> _millpond.Segment:
        """The memory-mapped rows behind the part, made where they are not in the cache. No columns: all there are."""
        return _millpond.open_segment(self.dataset._pond._engine, self.dataset._engine, self.part, list(columns), None)

    def __len__(self) -> int:
        return self.segment(()).rows

    def to_rows(self, columns: Sequence[str] = ()) -> Rows:
        """The rows as an Arrow stream over the memory-mapped segment; no copy. No columns: features and labels."""
        return Rows(self.segment(columns).stream())

    def to_arrow(self, columns: Sequence[str] = ()) -> pa.Table:
        """The rows as a pyarrow table; no copy."""
        return self.to_rows(columns).to_arrow()

    def to_pandas(self, columns: Sequence[str] = ()) -> pd.DataFrame:
        """The rows as a pandas frame."""
        return self.to_rows(columns).to_pandas()

    def to_numpy(self, columns: Sequence[str] = ()) -> np.ndarray[Any, Any]:
        """The columns side by side as one matrix of shape (rows, width) in the widest of their types.

        No columns: the features. Lists of one length, as embeddings are, take a column of the matrix per element;
        nulls become NaN.

        Raises
        ------
        InvalidError
            A column is no number: the message names it.
        """
        from millpond.matrix import matrix_of_table

        names = list(columns) or self.dataset.features
        return matrix_of_table(self.to_arrow(names), names)

    def to_xy(
        self, features: Sequence[str] = (), labels: Sequence[str] = ()
    ) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """What scikit-learn fits: X of shape (rows, width), y of shape (rows,), or (rows, labels) where there are more.

        Features and labels default to those of the dataset; see :func:`millpond.sklearn.to_xy`.
        """
        from millpond.sklearn import to_xy

        return to_xy(self, features, labels)

    def to_torch(
        self, batch_size: int = 256, *, pin_memory: bool = False, **options: Unpack[LoaderArguments]
    ) -> TorchDataset:
        """A ``torch.utils.data.IterableDataset`` of dicts of tensors; see :class:`millpond.torch.TorchDataset`.

        Parameters
        ----------
        batch_size, **options
            As :meth:`loader` takes them.
        pin_memory
            Copy tensors to page-locked memory, where there is a GPU.
        """
        return self.loader(batch_size, **options).to_torch(pin_memory=pin_memory)

    def to_tf(
        self, batch_size: int = 256, *, supervised: bool = False, **options: Unpack[LoaderArguments]
    ) -> tf.data.Dataset:
        """A ``tf.data.Dataset`` of dicts of tensors with a static element spec; see :mod:`millpond.tensorflow`.

        Parameters
        ----------
        batch_size, **options
            As :meth:`loader` takes them.
        supervised
            Yield (features, labels) as ``model.fit`` takes them.
        """
        return self.loader(batch_size, **options).to_tf(supervised=supervised)

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
            Default: those of ``torch.distributed`` where it is initialised, else ``RANK`` and ``WORLD_SIZE`` of the
            environment, else 0 of 1. Any world size sees the same order.
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
        ours, all_ranks = launched_rank()
        options = LoaderOptions(
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            rank=ours if rank is None else rank,
            world_size=all_ranks if world_size is None else world_size,
            last=last,
            decode={
                name: (value, 0, 0) if isinstance(value, int) else tuple(value)
                for name, value in (decode or {}).items()
            },
            on_broken=on_broken,
            prefetch=prefetch,
            threads=threads,
        )
        return Loader(self, tuple(columns), options, worker, workers)


def _reopen(pond: Pond, name: str, known: str) -> Dataset:
    """A dataset in another process; one that is not frozen must still be what it was."""
    dataset = Dataset(pond, name)
    if dataset.hash != known:
        raise ConflictError(
            f"dataset {name} is not what it was in the process that sent it (hash {known[:12]}…, now "
            f"{dataset.hash[:12]}…): freeze it and use that version"
        )
    return dataset
