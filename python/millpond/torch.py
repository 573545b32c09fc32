"""Datasets for PyTorch: dicts of tensors over the engine's own buffers, in the order that law and seed fix.

>>> dataset = pond.dataset("reviews@v1").split("train").to_torch(batch_size=256, seed=7)   # doctest: +SKIP
>>> for batch in dataset: ...                                                              # doctest: +SKIP
>>> loader = dataset.dataloader(num_workers=4, pin_memory=True)                            # doctest: +SKIP

A column of a batch becomes

- numbers, booleans, vectors of one length, decoded images: a tensor of shape (samples, …), without a copy;
- dates and timestamps: an int64 tensor, days or the column's unit since 1970;
- lists of different lengths: a :class:`Ragged` pair (values, offsets), without a copy of the values;
- text and binary: a list of ``str`` or ``bytes``, None for null.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from millpond.errors import InvalidError

if TYPE_CHECKING:
    from millpond.loader import Loader

TensorBatch = dict[str, Any]
"""Column name to a tensor of shape (samples, …), a Ragged, or a list."""

_MOST_WORKERS = 1024
_GENERATION, _EPOCH, _POSITION, _STEP, _FIRST_WORKER = range(5)


class Ragged(NamedTuple):
    """Rows of different lengths: row ``i`` is ``values[offsets[i]:offsets[i + 1]]``.

    ``embedding_bag`` takes the two as they are.
    """

    values: torch.Tensor
    """All elements one after another, shape (elements,)."""
    offsets: torch.Tensor
    """int64, shape (samples + 1,)."""

    def to_nested(self) -> torch.Tensor:
        """A nested tensor of layout ``torch.jagged``, shape (samples, ragged); no copy."""
        return torch.nested.nested_tensor_from_jagged(self.values, self.offsets)

    def to_padded(self, value: float = 0) -> torch.Tensor:
        """A dense copy of shape (samples, longest row), filled up with ``value``."""
        lengths = self.offsets.diff()
        longest = int(lengths.max()) if len(lengths) else 0
        padded = self.values.new_full((len(lengths), longest), value)
        padded[torch.arange(longest) < lengths[:, None]] = self.values
        return padded


class TorchDataset(IterableDataset):  # type: ignore[misc, unused-ignore]
    """One part of a dataset as batches of tensors; a pass over it is one epoch.

    Use it bare, in ``DataLoader(dataset, batch_size=None, num_workers=N)``, or by :meth:`dataloader`. The batches and
    their order are the same in all three, whatever the number of workers.

    Each pass begins where the last whole one ended: at the next epoch. A pass that was given up begins anew. Behind a
    plain ``DataLoader`` with workers the dataset cannot see a pass end, so :meth:`set_epoch` has to be called before
    each pass but the first; forgetting it raises InvalidError instead of repeating the order. :meth:`dataloader` does
    it by itself, and its ``state_dict`` is exact with workers too.

    Parameters
    ----------
    loader
        What to iterate; the dataset takes it over, its position included.
    pin_memory
        Copy tensors to page-locked memory where there is a GPU. For passes in this process: behind a ``DataLoader``
        give it that option instead.
    """

    def __init__(self, loader: Loader, *, pin_memory: bool = False) -> None:
        super().__init__()
        loader.load_state_dict(loader.state_dict())  # its position is where the first pass begins
        self._loader = loader
        self._pin = pin_memory
        # Workers that outlive a pass have a copy of this object; what they share with it is this memory.
        self._shared = torch.zeros(_FIRST_WORKER + _MOST_WORKERS, dtype=torch.int64).share_memory_()
        self._publish()

    def __getstate__(self) -> dict[str, Any]:
        loader = self._loader
        return {
            "split": loader.split,
            "columns": loader.segment.columns,
            "options": loader.options,
            "state": loader.state_dict(),
            "pin": self._pin,
            "shared": self._shared,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        from millpond.loader import Loader

        super().__init__()
        self._loader = Loader(state["split"], state["columns"], state["options"], 0, 1)
        self._loader.load_state_dict(state["state"])
        self._pin = state["pin"]
        self._shared = state["shared"]

    def __iter__(self) -> Iterator[TensorBatch]:
        worker = get_worker_info()
        return self._pass_here() if worker is None else self._pass_in_worker(worker.id, worker.num_workers)

    def __len__(self) -> int:
        """Batches of one epoch."""
        return len(self._loader)

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be this epoch, from its beginning."""
        self._refuse_in_worker("set_epoch")
        self._loader.set_epoch(epoch)
        self._publish()

    def state_dict(self) -> dict[str, Any]:
        """Where the next batch begins, as small JSON; behind a ``DataLoader`` with workers :meth:`dataloader` knows."""
        return self._loader.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next pass go on from there, at the exact sample; batch size and world size may differ."""
        self._refuse_in_worker("load_state_dict")
        self._loader.load_state_dict(state)
        self._publish()

    def dataloader(self, num_workers: int = 0, **options: Any) -> TorchDataLoader:
        """A ``DataLoader`` over this dataset that goes from epoch to epoch by itself and resumes exactly.

        The engine decodes images and gathers rows in native threads, ahead of the training loop: workers only pay
        where Python code of your own is slow, in ``collate_fn`` for instance.

        Parameters
        ----------
        num_workers, **options
            As ``torch.utils.data.DataLoader`` takes them: ``pin_memory``, ``persistent_workers``, ``collate_fn``
            (called with one batch), ``multiprocessing_context``… The batch size is this dataset's.
        """
        return TorchDataLoader(self, num_workers=num_workers, **options)

    def _pass_here(self) -> Iterator[TensorBatch]:
        pin = self._pin and torch.cuda.is_available()
        for batch in self._loader.restarted():
            yield tensors_of(batch, pin=pin)
        self._publish()

    def _pass_in_worker(self, worker: int, workers: int) -> Iterator[TensorBatch]:
        generation, epoch, position, step = self._shared[:_FIRST_WORKER].tolist()
        options = self._loader.options
        seen = self._shared[_FIRST_WORKER + worker % _MOST_WORKERS]
        if int(seen) == generation and (options.shuffle or position):
            raise InvalidError(
                f"this pass would repeat epoch {epoch}: call set_epoch(…) before each pass over a DataLoader with "
                "workers, or make it with dataset.dataloader(num_workers=…), which counts epochs itself"
            )
        seen.fill_(generation)
        # A DataLoader asks its workers in turn from worker 0 on, so worker 0 gets the first step, wherever that is.
        engine = options.open(self._loader.segment, (worker + step) % workers, workers)
        engine.load_state_dict({**self._loader.state_dict(), "epoch": epoch, "position": position, "step": step})
        while (batch := engine.next()) is not None:
            yield tensors_of(self._loader.arrays_of(batch))

    def _publish(self) -> None:
        """Tell workers where the next pass begins."""
        state = self._loader.state_dict()
        self._shared[_EPOCH], self._shared[_POSITION], self._shared[_STEP] = (
            state["epoch"],
            state["position"],
            state["step"],
        )
        self._shared[_GENERATION] += 1

    def _refuse_in_worker(self, name: str) -> None:
        if get_worker_info() is not None:
            raise InvalidError(
                f"{name} was called in a worker process, where the other workers do not see it; call it on the dataset "
                "in the main process, or use dataset.dataloader(num_workers=…), which saves and loads states exactly"
            )


class TorchDataLoader(DataLoader):  # type: ignore[misc, unused-ignore]
    """A ``DataLoader`` of a :class:`TorchDataset` whose position is that of the training loop, not of the workers."""

    def __init__(self, dataset: TorchDataset, **options: Any) -> None:
        for name in ("batch_size", "shuffle", "sampler", "batch_sampler", "drop_last"):
            if name in options:
                raise InvalidError(f"{name} belongs to the dataset: give batch_size, shuffle, seed or last to to_torch")
        super().__init__(dataset, batch_size=None, **options)

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override, unused-ignore]
        return self._pass()

    def set_epoch(self, epoch: int) -> None:
        """Let the next pass be this epoch, from its beginning."""
        self.dataset.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """Where the training loop's next batch begins, whatever the workers have made ahead."""
        state: dict[str, Any] = self.dataset.state_dict()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next pass go on from there."""
        self.dataset.load_state_dict(state)

    def _pass(self) -> Iterator[Any]:
        dataset: TorchDataset = self.dataset
        if self.num_workers == 0:
            yield from super().__iter__()
            return
        loader = dataset._loader
        loader.rewind()
        dataset._publish()
        epoch = loader.state_dict()["epoch"]
        for batch in super().__iter__():
            loader.advance()
            yield batch
        dataset.set_epoch(epoch + 1)


def tensors_of(batch: Mapping[str, Any], *, pin: bool = False) -> TensorBatch:
    """A loader's batch as tensors over the same memory; see the module for what each type becomes.

    Parameters
    ----------
    batch
        Column name to a NumPy array of shape (samples, …), or to a pyarrow array.
    pin
        Copy the tensors to page-locked memory.
    """
    tensors = {name: _column(value) for name, value in batch.items()}
    if not pin:
        return tensors
    return {name: _pinned(value) for name, value in tensors.items()}


def _pinned(value: Any) -> Any:
    if isinstance(value, Ragged):
        return Ragged(value.values.pin_memory(), value.offsets.pin_memory())
    return value.pin_memory() if isinstance(value, torch.Tensor) else value


def _column(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):  # writable: the engine gathered it into a buffer of its own
        return torch.from_numpy(value.view(np.int64) if value.dtype.kind == "M" else value)
    import pyarrow as pa

    if not pa.types.is_list(value.type):
        return value.to_pylist()
    elements = value.values
    if pa.types.is_temporal(elements.type):
        elements = elements.view(pa.int32() if pa.types.is_date32(elements.type) else pa.int64())
    # DLPack, because torch warns of NumPy's read-only views of Arrow's memory.
    return Ragged(torch.from_dlpack(elements), torch.from_dlpack(value.offsets).to(torch.int64))
