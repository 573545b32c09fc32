"""``import millpond`` is light: no framework, not even pyarrow or NumPy, before something needs them."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = ["torch", "tensorflow", "sklearn", "pyarrow", "numpy", "pandas"]


def loaded_by(program: str) -> list[str]:
    """Which of HEAVY a program has imported at its end."""
    asking = f"{program}\nimport json, sys\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, timeout=60, check=True)
    return list(json.loads(done.stdout))


def test_import_takes_no_framework() -> None:
    assert loaded_by("import millpond") == []


def test_datasets_and_loaders_take_no_framework() -> None:
    assert loaded_by("import millpond.dataset, millpond.loader, millpond.matrix, millpond.sklearn") == []
