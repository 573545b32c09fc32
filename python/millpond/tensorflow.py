"""Datasets for TensorFlow: a ``tf.data.Dataset`` with a static element spec, one Python call per batch.

>>> data = pond.dataset("digits@v1").split("train").to_tf(batch_size=128, seed=7, supervised=True)   # doctest: +SKIP
>>> model.fit(data, epochs=5)                                                                        # doctest: +SKIP

A column of a batch becomes

- numbers, booleans, vectors of one length, decoded images: a tensor of shape (samples, …); TensorFlow takes over the
  engine's 64-byte aligned buffer without a copy;
- dates and timestamps: int64, days or the column's unit since 1970;
- lists of different lengths: a ``tf.RaggedTensor`` of shape (samples, None);
- text and binary: ``tf.string``, which has no null: a part that holds nulls is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

from millpond.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from millpond.loader import Loader


def to_tf(loader: Loader, *, supervised: bool = False) -> tf.data.Dataset:
    """Batches of a loader as a ``tf.data.Dataset``; iterating it once is one epoch.

    Each iteration begins where the last whole one ended: at the next epoch. One that was given up begins anew.
    ``loader.state_dict()`` is exact as long as nothing behind the dataset prefetches; the engine does that already.

    Parameters
    ----------
    loader
        What to iterate; the dataset takes it over, its position included.
    supervised
        Yield (features, labels): a dict of the feature columns, and the label's tensor, or a dict where there are
        several.

    Raises
    ------
    InvalidError
        A text column holds nulls, or ``supervised`` is asked of a dataset without labels.
    """
    loader.load_state_dict(loader.state_dict())  # its position is where the first iteration begins
    specs = {column["name"]: _spec(column, _static_rows(loader)) for column in loader.columns}
    data = tf.data.Dataset.from_generator(lambda: _tensors(loader, specs), output_signature=specs)
    if supervised:
        data = data.map(_supervision(loader, list(specs)), deterministic=True)
    options = tf.data.Options()
    options.deterministic = True
    # TensorFlow would prefetch behind our back, and the loader's state would run ahead of the training loop.
    options.experimental_optimization.inject_prefetch = False
    return data.with_options(options)


def _static_rows(loader: Loader) -> int | None:
    """Samples of every batch, where they are the same in all."""
    options = loader.options
    even = options.last in ("drop", "pad") and options.on_broken == "fail"
    return options.batch_size if even else None


def _spec(column: Mapping[str, Any], rows: int | None) -> Any:
    name, dtype = column["name"], column["dtype"]
    if dtype in ("str", "bytes"):
        if column["nulls"]:
            raise InvalidError(
                f"column '{name}' holds {column['nulls']} nulls, which tf.string cannot; fill them in the dataset's "
                "query (coalesce), or leave the column out (columns=…)"
            )
        return tf.TensorSpec([rows], tf.string)
    kind = tf.int64 if dtype.startswith("datetime64") else tf.as_dtype(dtype)
    if column["ragged"]:
        return tf.RaggedTensorSpec([rows, None], kind, ragged_rank=1, row_splits_dtype=tf.int64)
    return tf.TensorSpec([rows, *column["shape"]], kind)


def _tensors(loader: Loader, specs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for batch in loader.restarted():
        yield {name: _column(batch[name], spec) for name, spec in specs.items()}


def _column(value: Any, spec: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):
        return value.view(np.int64) if value.dtype.kind == "M" else value
    if isinstance(spec, tf.RaggedTensorSpec):
        elements = value.values.to_numpy()
        if elements.dtype.kind == "M":
            elements = elements.astype(np.int64)
        return tf.RaggedTensor.from_row_splits(elements, value.offsets.to_numpy().astype(np.int64), validate=False)
    return value.to_numpy(zero_copy_only=False)


def _supervision(loader: Loader, columns: list[str]) -> Any:
    dataset = loader.split.dataset
    labels = [name for name in dataset.labels if name in columns]
    features = [name for name in dataset.features if name in columns]
    if not labels or not features:
        raise InvalidError(
            f"dataset {dataset.name} has no {'features' if labels else 'labels'} among the columns "
            f"({', '.join(columns)}): declare them in its definition, or leave supervised out"
        )

    def split(batch: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        targets = {name: batch[name] for name in labels}
        return {name: batch[name] for name in features}, targets[labels[0]] if len(labels) == 1 else targets

    return split
