"""The loader: batches of one part, in an order that is a pure function of (dataset version, seed, epoch, step)."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from millpond import _millpond
from millpond.errors import InvalidError
from millpond.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import tensorflow as tf

    from millpond.dataset import Split
    from millpond.torch import TorchDataset

Batch = dict[str, Any]
"""Column name to a NumPy array of shape (samples, …), or to a pyarrow array where rows differ in length."""


class LoaderArguments(TypedDict, total=False):
    """Keyword arguments of :meth:`millpond.dataset.Split.loader`, for the methods that hand them on."""

    seed: int
    shuffle: bool
    columns: Sequence[str]
    rank: int | None
    world_size: int | None
    last: str
    decode: Mapping[str, int | Sequence[int]] | None
    on_broken: str
    prefetch: int
    threads: int


@dataclass(frozen=True)
class LoaderOptions:
    """What makes a loader of a segment; a value that goes to other processes."""

    batch_size: int
    shuffle: bool
    seed: int
    rank: int
    world_size: int
    last: str
    decode: dict[str, tuple[int, ...]] = field(default_factory=dict)
    on_broken: str = "fail"
    prefetch: int = 4
    threads: int = 2

    def open(self, segment: _millpond.Segment, worker: int = 0, workers: int = 1) -> _millpond.Loader:
        """A loader at the beginning of epoch 0; its threads start with the first batch."""
        return segment.loader(
            self.batch_size,
            self.shuffle,
            self.seed,
            self.rank,
            self.world_size,
            self.last,
            self.decode,
            self.on_broken,
            self.prefetch,
            self.threads,
            worker,
            workers,
        )


def launched_rank() -> tuple[int, int]:
    """Rank and world size that the launcher gave: of torch.distributed, of the environment, else 0 of 1."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank()), int(distributed.get_world_size())
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Loader:
    """Iterates over one epoch, from where it is to the epoch's end; iterate again for the next epoch."""

    def __init__(self, split: Split, columns: Sequence[str], options: LoaderOptions, worker: int, workers: int) -> None:
        self.split = split
        self.options = options
        self._slice = (worker, workers)
        self.segment = split.segment(columns)
        self._engine = options.open(self.segment, worker, workers)
        self._start = self._engine.state_dict()
        self._order = hashlib.sha256()
        self._hashes = False

    def __iter__(self) -> Iterator[Batch]:
        return self._batches(self._engine)

    def __len__(self) -> int:
        """Steps of one epoch."""
        return self._engine.steps_per_epoch

    @property
    def columns(self) -> list[dict[str, Any]]:
        """What every batch holds: ``[{"name", "dtype", "shape" (of one sample), "ragged", "nulls"}]``."""
        return self._engine.columns()

    def set_epoch(self, epoch: int) -> None:
        """Jump to the beginning of an epoch."""
        self._engine.set_epoch(epoch)
        self._start = self._engine.state_dict()

    def skip(self, steps: int) -> None:
        """Pass over the next steps of the epoch without making their batches; at most to its end."""
        self._engine.skip(steps)
        self._start = self._engine.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch begins, as small JSON; the same on every rank."""
        return self._engine.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, at the cost of one step; batch size and world size may differ from the state's."""
        self._engine.load_state_dict(dict(state))
        self._start = self._engine.state_dict()

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

    def to_rows(self) -> Rows:
        """All rows of the part in key order, the loader's columns, as an Arrow stream; the loader stays where it is."""
        return Rows(self.segment.stream())

    def to_torch(self, *, pin_memory: bool = False) -> TorchDataset:
        """A ``torch.utils.data.IterableDataset`` of dicts of tensors; see :class:`millpond.torch.TorchDataset`."""
        from millpond.torch import TorchDataset

        self.refuse_slice("to_torch")
        return TorchDataset(self, pin_memory=pin_memory)

    def to_tf(self, *, supervised: bool = False) -> tf.data.Dataset:
        """A ``tf.data.Dataset`` of dicts of tensors with a static element spec; see :mod:`millpond.tensorflow`."""
        from millpond.tensorflow import to_tf

        return to_tf(self, supervised=supervised)

    def restarted(self) -> Iterator[Batch]:
        """One pass as frameworks make them: each begins anew where the last whole one ended, or a state was loaded.

        A pass that was given up (a framework that only wanted to see the first batch) changes nothing, while
        :meth:`state_dict` says where the newest pass is.
        """
        self.rewind()
        return self._batches(self._engine)

    def rewind(self) -> None:
        """Go back to where the newest pass began; whoever still iterates that pass keeps a place of its own."""
        engine = self.options.open(self.segment, *self._slice)
        engine.load_state_dict(self._start)
        self._engine = engine

    def advance(self) -> None:
        """Count one batch of the newest pass that another process made."""
        self._engine.skip(1)

    @staticmethod
    def arrays_of(batch: _millpond.Batch) -> Batch:
        """The columns of an engine's batch as NumPy arrays that borrow its buffers, or as pyarrow arrays."""
        return {name: _column(value) for name, value in batch.columns().items()}

    def refuse_slice(self, asker: str) -> None:
        """Raise InvalidError where the loader was made for one of several processes."""
        if self._slice != (0, 1):
            raise InvalidError(f"{asker} shares the steps among processes itself: leave out worker and workers")

    def _batches(self, engine: _millpond.Loader) -> Iterator[Batch]:
        while (batch := engine.next()) is not None:
            if self._hashes:
                self._order.update(batch.hash().encode())
            yield self.arrays_of(batch)
        if engine is self._engine:
            self._start = engine.state_dict()


def _column(value: Any) -> Any:
    if isinstance(value, _millpond.ArrowColumn):
        import pyarrow as pa

        return pa.array(value)
    return value
