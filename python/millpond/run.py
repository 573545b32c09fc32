"""Runs of experiments: what was trained, from which data and code, how it went, what came out."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millpond.pond import Pond


def environment() -> dict[str, Any]:
    """Python, platform, and the version of every installed package, as a run records them."""
    from importlib.metadata import distributions

    packages = {str(one.metadata["Name"]): one.version for one in distributions() if one.metadata["Name"]}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "command": sys.argv,
        "packages": dict(sorted(packages.items())),
    }


class Run:
    """One run; use it as a context manager: it ends as ``finished``, or as ``failed`` with the error.

    >>> with pond.run("tumours", dataset="tumours@v1", params={"seed": 7}) as run:  # doctest: +SKIP
    ...     run.log_metric("loss", 0.31, step=1)
    """

    def __init__(self, pond: Pond, details: dict[str, Any]) -> None:
        self._pond = pond
        self._engine = pond._engine
        self.id: str = details["id"]
        self.name: str = details["name"]
        self.experiment: str = details["experiment"]

    def log_param(self, key: str, value: Any) -> None:
        """Record a parameter; the same value again changes nothing, another one raises ConflictError."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record several parameters at once."""
        self._engine.log_params(self.id, dict(params))

    def log_metric(self, key: str, value: float, step: int = 0) -> None:
        """Record one point of a metric; NaN and infinities are kept."""
        self._engine.log_metrics(self.id, [(key, step, float(value))])

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record a point of several metrics at one step, in one transaction."""
        self._engine.log_metrics(self.id, [(key, step, float(value)) for key, value in metrics.items()])

    def log_curve(self, key: str, values: list[float]) -> None:
        """Record a whole curve, steps 0, 1, 2…, in one transaction."""
        self._engine.log_metrics(self.id, [(key, step, float(value)) for step, value in enumerate(values)])

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags; a tag that is there is replaced."""
        self._engine.set_tags(self.id, dict(tags))

    def log_artifact(self, path: str, data: bytes | str | Path) -> None:
        """Keep bytes, or a file (give a ``Path``), under ``path`` within the run; text is stored as UTF-8."""
        if isinstance(data, Path):
            self._engine.log_artifact_file(self.id, path, str(data))
        else:
            self._engine.log_artifact(self.id, path, data.encode() if isinstance(data, str) else data)

    def log_json(self, path: str, value: Any) -> None:
        """Keep a JSON document under ``path``."""
        self.log_artifact(path, json.dumps(value, indent=1, sort_keys=True))

    def read_artifact(self, path: str) -> bytes:
        """An artifact's bytes, checked against their hash."""
        return self._engine.read_artifact(self.id, path)

    def metric(self, key: str) -> list[tuple[int, float]]:
        """All points of a metric as (step, value)."""
        return self._engine.metric(self.id, key)

    def details(self) -> dict[str, Any]:
        """Everything that is known of the run."""
        return self._engine.show_run(self.id)

    def finish(self, status: str = "finished", error: str = "") -> None:
        """End the run as finished, failed or killed."""
        self._engine.finish_run(self.id, status, error)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            self.finish("killed", f"{type(error).__name__}: {error}")
        else:
            self.finish("failed", f"{type(error).__name__}: {error}")
