"""The demo's steps in order; each is timed, told, and kept for the report."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import millpond as mp
from millpond.demo import definitions
from millpond.demo.inputs import Inputs, write_inputs
from millpond.demo.training import EPOCHS, SEED, train

T = TypeVar("T")
VERSIONS = ("patients@v1", "digits@v1")


class PromiseBrokenError(RuntimeError):
    """Something that the demo promises did not hold."""


class Teller(Protocol):
    """Who is told of the steps."""

    def begin(self, name: str) -> None:
        """A step begins."""

    def end(self, name: str, what: str, seconds: float) -> None:
        """It is done."""


class Story:
    """One run of the demo; :meth:`tell` fills ``facts``, which the report and the summary show."""

    def __init__(self, folder: Path, teller: Teller) -> None:
        self.folder = folder
        self.pond_folder = folder / "pond"
        self.teller = teller
        self.facts: dict[str, Any] = {"steps": []}

    def tell(self) -> dict[str, Any]:
        """Run every step; raises where one does not do what it promises."""
        begin = time.perf_counter()
        inputs = self.step("write the inputs", lambda: write_inputs(self.folder / "inputs"), _about_inputs)
        pond = self.step("init", lambda: mp.init(self.pond_folder), lambda made: f"a pond at {made.folder}")
        self.collect(pond, inputs)
        self.mend(pond)
        self.label(pond, inputs)
        self.version(pond)
        first = self.learn(pond)
        self.reproduce(first)
        self.facts["history"] = [
            (one["commit"][:13], one["operation"], one["message"], ", ".join(t["table"] for t in one["tables"]))
            for one in pond.log()
        ]
        self.facts["seconds"] = time.perf_counter() - begin
        return self.facts

    def step(self, name: str, work: Callable[[], T], about: Callable[[T], str]) -> T:
        """Run one step, time it and say what it did."""
        self.teller.begin(name)
        begin = time.perf_counter()
        outcome = work()
        seconds = time.perf_counter() - begin
        what = about(outcome)
        self.facts["steps"].append({"step": name, "what": what, "seconds": seconds})
        self.teller.end(name, what, seconds)
        return outcome

    def collect(self, pond: mp.Pond, inputs: Inputs) -> None:
        """Tables and images into the pond; rows that do not fit are kept apart with a reason."""
        sources: list[tuple[str, Path, dict[str, Any]]] = [
            ("clinic.patients", inputs.patients, {"types": dict.fromkeys(["mean_area", "mean_smoothness"], "double")}),
            ("clinic.diabetes", inputs.diabetes, {}),
            ("media.digits", inputs.digits, {"format": "images"}),
            ("media.photographs", inputs.photographs, {"format": "images"}),
        ]
        collected: list[tuple[Any, ...]] = []
        for table, path, options in sources:
            report = self.step(f"sync {table}", lambda: pond.sync(path, table, **options), _about_sync)  # noqa: B023
            one = report["tables"][0]
            collected.append((table, f"{one['rows']:,}", one["rejects"], path.name))
        self.facts["collected"] = collected
        self.facts["rejects"] = pond.sql(
            "SELECT line, reason FROM clinic.patients_rejects ORDER BY line, reason"
        ).to_pylist()
        _insist(len(self.facts["rejects"]) == 3, "three broken lines are kept as rejects")

    def mend(self, pond: mp.Pond) -> None:
        """Checks that fail, a recipe, a line brought back by hand, and the same checks again."""
        before = self.step("check", lambda: pond.check("clinic.patients", definitions.SUITE), _about_check)
        _insist(not before["success"], "the checks catch what was broken")
        cleaned = self.step("clean", lambda: pond.clean("clinic.patients", definitions.RECIPE), _about_clean)
        restored = self.step("restore rejects", lambda: self.restore(pond), _about_restored)
        self.facts["cleaned"], self.facts["restored"] = _about_clean(cleaned), _about_restored(restored)
        after = self.step("check again", lambda: pond.check("clinic.patients", definitions.SUITE), _about_check)
        _insist(bool(after["success"]), "the checks hold after cleaning")
        self.facts["checks"] = [
            {
                "type": _expectation(old)["type"],
                "column": _expectation(old)["kwargs"].get("column", ""),
                "found": _found(old),
                "before": _verdict(old),
                "after": _verdict(new),
            }
            for old, new in zip(before["results"], after["results"], strict=True)
        ]

    def restore(self, pond: mp.Pond) -> int:
        """The three rejected patients again, measured anew: what a person does with the reject table."""
        from sklearn.datasets import load_breast_cancer

        data = load_breast_cancer()
        names = [str(name).replace(" ", "_") for name in data.feature_names]
        path = self.folder / "inputs" / "patients-measured-again.csv"
        lines = [",".join(["patient", *names])]
        lines += [",".join([f"P{row:04d}", *(f"{value:.6g}" for value in data.data[row])]) for row in (60, 300, 450)]
        path.write_text("\n".join(lines) + "\n")
        report = pond.sync(path, "clinic.patients", message="three patients measured again")
        return int(report["tables"][0]["rows"])

    def label(self, pond: mp.Pond, inputs: Inputs) -> None:
        """Diagnoses from a file, digits from the folder that an image was in."""
        self.step(
            "label patients",
            lambda: pond.label(
                "clinic.patients",
                source=inputs.diagnoses,
                key=["patient"],
                label_column="diagnosis",
                label_set="diagnosis",
                annotator="pathologist",
                classes=["malignant", "benign"],
            ),
            _about_labels,
        )
        self.step(
            "label digits",
            lambda: pond.label("media.digits", expression="class", label_set="digit", annotator="folder"),
            _about_labels,
        )
        self.facts["classes"] = {
            "Diagnoses": pond.labels("clinic.patients")[0]["classes"],
            "Digits": pond.labels("media.digits")[0]["classes"],
        }
        samples = pond.sql(
            "SELECT class, path, bytes FROM media.digits "
            "QUALIFY row_number() OVER (PARTITION BY class ORDER BY sample_id) <= 8 ORDER BY class, sample_id"
        ).to_pylist()
        self.facts["samples"] = [(row["class"], row["path"], row["bytes"]) for row in samples]

    def version(self, pond: mp.Pond) -> None:
        """A tag over the whole pond, and two frozen datasets."""
        self.step(
            "tag",
            lambda: pond.tag("demo-v1", message="cleaned and labelled"),
            lambda tag: f"demo-v1 -> {tag['commit']}",
        )
        for definition in (definitions.PATIENTS, definitions.DIGITS):
            pond.define_dataset(definition)
            name = definition["name"]
            self.step(f"freeze {name}", lambda: pond.freeze(name, "v1"), _about_frozen)  # noqa: B023

    def learn(self, pond: mp.Pond) -> dict[str, dict[str, Any]]:
        """Train on both datasets and track both runs."""
        results = {}
        for version in VERSIONS:
            results[version] = self.step(f"train {version}", lambda: self.track(pond, version), _about_training)  # noqa: B023
        self.facts["curves"] = {f"{version}: {one['curve_is']}": one["curve"] for version, one in results.items()}
        return results

    def track(self, pond: mp.Pond, version: str) -> dict[str, Any]:
        """One tracked training run."""
        experiment = version.split("@")[0]
        with pond.run(experiment, dataset=version, params={"seed": SEED, "epochs": EPOCHS}) as run:
            result = train(pond, version)
            run.log_metrics(result["metrics"])
            run.log_curve("train_loss", result["curve"])
            run.log_param("model", result["model"])
            run.log_json("batches.json", {"count": result["batches"], "sha256": result["batch_hash"]})
        return result

    def reproduce(self, first: dict[str, dict[str, Any]]) -> None:
        """Delete all derived state, train again in a new process, compare every batch and metric."""
        shutil.rmtree(self.pond_folder / "derived")
        command = [sys.executable, "-m", "millpond.demo.training", str(self.pond_folder), *VERSIONS]
        second = self.step(
            "train again",
            lambda: json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout),
            lambda _: "in a new process, derived state deleted",
        )
        rows = []
        for version, one in first.items():
            same = all(one[key] == second[version][key] for key in ("batch_hash", "metrics", "curve"))
            metrics = ", ".join(f"{name} {value:.4f}" for name, value in one["metrics"].items())
            rows.append(
                {
                    "dataset": version,
                    "model": one["model"],
                    "metrics": metrics,
                    "accuracy": f"{one['metrics']['accuracy']:.1%}",
                    "batches": one["batches"],
                    "hash": one["batch_hash"],
                    "hash_again": second[version]["batch_hash"],
                    "same": same,
                }
            )
            _insist(same, f"training on {version} gives the same batches and metrics again")
        self.facts["reproduced"] = rows


def _insist(holds: bool, promise: str) -> None:
    if not holds:
        raise PromiseBrokenError(f"the demo did not do what it promises: {promise}")


def _about_inputs(inputs: Inputs) -> str:
    return "real data as files; broken on purpose: " + ", ".join(
        f"{count} {kind}" for kind, count in inputs.broken.items()
    )


def _about_sync(report: dict[str, Any]) -> str:
    one = report["tables"][0]
    return f"{one['rows']:,} rows" + (f", {one['rejects']} kept as rejects" if one["rejects"] else "")


def _about_check(report: dict[str, Any]) -> str:
    failed = [one for one in report["results"] if not one["success"]]
    return f"{len(report['results'])} expectations, " + (f"{len(failed)} fail" if failed else "all hold")


def _about_clean(report: dict[str, Any]) -> str:
    changed = sum(step["cells_changed"] for step in report["steps"])
    return f"{report['rows_in'] - report['rows_out']} rows dropped, {changed} cells changed, as one commit"


def _about_restored(rows: int) -> str:
    return f"{rows} rejected lines back, measured again"


def _about_labels(report: dict[str, Any]) -> str:
    return f"{report['labels']:,} labels" + (f", {report['rejected']} rejected" if report["rejected"] else "")


def _about_frozen(dataset: dict[str, Any]) -> str:
    parts = ", ".join(f"{name} {rows:,}" for name, rows in dataset["summary"]["rows"].items())
    return f"{parts} rows, sha256 {dataset['hash'][:16]}…"


def _about_training(result: dict[str, Any]) -> str:
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in result["metrics"].items())
    return f"{result['model']}: {metrics} after {result['batches']:,} batches"


def _expectation(result: dict[str, Any]) -> dict[str, Any]:
    return dict(result["expectation_config"])


def _verdict(result: dict[str, Any]) -> dict[str, Any]:
    return {"success": result["success"], "found": _found(result)}


def _found(result: dict[str, Any]) -> str:
    """What a check found: "5 values", or the number that it looked at."""
    found = result["result"]
    unexpected = found.get("unexpected_count")
    if unexpected is not None:
        return f"{unexpected} value{'' if unexpected == 1 else 's'}"
    observed = found.get("observed_value")
    return f"found {observed:.4g}" if isinstance(observed, float) else f"found {observed}"
