"""Datasets for scikit-learn: whole matrices, and out-of-core fitting over the loader.

Nothing here imports scikit-learn: an estimator is whatever has its methods.

>>> X, y = pond.dataset("reviews@v1").split("train").to_xy()                       # doctest: +SKIP
>>> model = partial_fit(SGDClassifier(), split.loader(256, seed=7), epochs=5)      # doctest: +SKIP
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from millpond.errors import InvalidError
from millpond.matrix import matrix_of_batch, matrix_of_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from millpond.dataset import Split
    from millpond.loader import Loader

    Array = np.ndarray[Any, Any]


class Incremental(Protocol):
    """An estimator that learns batch by batch."""

    def partial_fit(self, X: Any, y: Any = ...) -> Any:  # noqa: N803
        """Learn from one batch."""


Estimator = TypeVar("Estimator", bound=Incremental)


def to_xy(split: Split, features: Sequence[str] = (), labels: Sequence[str] = ()) -> tuple[Array, Array]:
    """All rows of a part, in key order, as scikit-learn's ``fit`` takes them.

    Parameters
    ----------
    split
        A part of a dataset.
    features, labels
        Columns; default: the dataset's own.

    Returns
    -------
    X : ndarray of shape (rows, width)
        Features side by side in the widest of their types; lists of one length take a column per element.
    y : ndarray of shape (rows,) or (rows, labels)
        The label column, text as ``str``; a matrix where there are several.

    Raises
    ------
    InvalidError
        A feature is no number, or the dataset has no labels and none are named.
    """
    names, targets = _names(split, features, labels)
    if not targets:
        raise InvalidError(f"dataset {split.dataset.name} has no labels: name labels=[…], or use to_numpy for X alone")
    table = split.to_arrow([*names, *(name for name in targets if name not in names)])
    return matrix_of_table(table, names), _targets([table.column(name) for name in targets])


def batches(loader: Loader, features: Sequence[str] = (), labels: Sequence[str] = ()) -> Iterator[tuple[Array, Any]]:
    """One epoch of a loader as (X, y): X of shape (samples, width), y as :func:`to_xy` gives it, None without labels.

    Decoded images are laid out row by row. Features default to the dataset's own among the loader's columns.
    """
    there = {column["name"] for column in loader.columns}
    names, targets = _names(loader.split, features, labels)
    names = list(features) or [name for name in names if name in there]
    for name in [*names, *targets]:
        if name not in there:
            raise InvalidError(f"the loader has no column '{name}'; it has: {', '.join(sorted(there))}")
    for batch in loader:
        yield matrix_of_batch(batch, names), _targets([batch[name] for name in targets]) if targets else None


def partial_fit(
    estimator: Estimator,
    loader: Loader,
    *,
    epochs: int = 1,
    classes: Sequence[Any] | None = None,
    features: Sequence[str] = (),
    labels: Sequence[str] = (),
    transform: Callable[[Array], Array] | None = None,
    after_epoch: Callable[[int], None] | None = None,
) -> Estimator:
    """Fit an estimator batch by batch, in memory that does not grow with the data.

    Parameters
    ----------
    estimator
        Anything with ``partial_fit``: SGDClassifier, MiniBatchKMeans, IncrementalPCA, StandardScaler…
    loader
        Where it is, so is the beginning: load a state first to go on.
    epochs
        Passes over the part; the first ends where the loader's epoch does.
    classes
        For classifiers; default: those that occur in the part.
    features, labels
        Columns; default: the dataset's own.
    transform
        Applied to each X of shape (samples, width) before it is learnt, a fitted scaler's ``transform`` for instance.
    after_epoch
        Called with the number of the pass that has ended, from 0: to evaluate, log, or raise to stop.

    Returns
    -------
    Estimator
        The same estimator.
    """
    arguments: dict[str, Any] = {}
    if "classes" in inspect.signature(estimator.partial_fit).parameters:
        arguments["classes"] = list(classes) if classes is not None else _classes(loader, labels)
    for epoch in range(epochs):
        for inputs, targets in batches(loader, features, labels):
            if not len(inputs):
                continue  # a rank's share of a short last batch may be empty
            learnt = inputs if transform is None else transform(inputs)
            estimator.partial_fit(learnt, targets, **arguments)
            arguments.pop("classes", None)  # only the first call needs them
        if after_epoch is not None:
            after_epoch(epoch)
    return estimator


def _names(split: Split, features: Sequence[str], labels: Sequence[str]) -> tuple[list[str], list[str]]:
    targets = list(labels) or split.dataset.labels
    return list(features) or [name for name in split.dataset.features if name not in targets], targets


def _classes(loader: Loader, labels: Sequence[str]) -> Array:
    import numpy as np

    targets = list(labels) or loader.split.dataset.labels
    if len(targets) != 1:
        raise InvalidError(f"a classifier learns one label, but there are {len(targets)}: name it with labels=[…]")
    return np.unique(_targets([loader.to_rows().to_arrow().column(targets[0])]))


def _targets(columns: Sequence[Any]) -> Array:
    """Label columns (NumPy or Arrow) as (rows,), or (rows, labels)."""
    import numpy as np

    arrays = []
    for column in columns:
        array = column if isinstance(column, np.ndarray) else column.to_numpy(zero_copy_only=False)
        if array.dtype.kind == "O" and all(isinstance(value, str) for value in array):
            array = array.astype(str)
        arrays.append(array)
    return arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=1)
