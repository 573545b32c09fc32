"""Iceberg's own REST Compatibility Kit (Java, JUnit) against `millpond serve`: nothing fails but what KNOWN names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from pond_server import serve

KIT = Path(__file__).with_name("kit")
CLASSES = ["RESTCompatibilityKitCatalogTests", "RESTCompatibilityKitViewCatalogTests"]
# What the kit asks for and a pond does not do: docs/design/rest-catalog.md says why.
KNOWN = {
    "testCompleteCreateOrReplaceTransactionReplace": "moves a table out of the pond's store",
    "testCompleteReplaceTransaction": "moves a table out of the pond's store",
    "createViewWithCustomMetadataLocation": "keeps a view's metadata out of the pond's store",
    "testLoadTableWithMissingMetadataFile": "deletes a metadata file that the server remembers",
}
FAILURE = re.compile(r"(\w+)\([^)]*\) \u2718")
SUMMARY = re.compile(r"\[ *(\d+) tests (successful|failed|found) *\]")


@pytest.fixture(scope="module")
def jars(repository: Path) -> Path:
    """The kit and what it needs, pinned in kit/pom.xml."""
    cache = Path(os.environ.get("MILLPOND_CACHE", repository / ".cache" / "millpond-deps"))
    folder = cache / "rest-kit-1.11.0"
    if not shutil.which("java") or not shutil.which("mvn"):
        pytest.skip("no java and mvn; the kit is Java")
    if not (folder / ".complete").exists():
        command = ["mvn", "-q", "-f", KIT / "pom.xml", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        subprocess.run(command, check=True, timeout=1200)
        (folder / ".complete").touch()
    return folder


@pytest.mark.slow
def test_the_kit_finds_nothing_new(program: Path, jars: Path, tmp_path: Path) -> None:
    with serve(program, tmp_path / "pond", "--no-auth") as running:
        selected = [f"--select-class=org.apache.iceberg.rest.{name}" for name in CLASSES]
        command = ["java", "-Drck.local=false", f"-Duri={running.url}/", "-Drck.overrides-requested-location=true"]
        command += ["-Drck.requires-namespace-create=true"]
        command += ["-cp", f"{jars}/*", "org.junit.platform.console.ConsoleLauncher", "execute", "--details=tree"]
        command += ["--disable-ansi-colors"]
        done = subprocess.run([*command, *selected], capture_output=True, text=True, timeout=1200, cwd=tmp_path)
    counts = {what: int(number) for number, what in SUMMARY.findall(done.stdout)}
    assert counts.get("found", 0) > 100, done.stdout[-4000:] + done.stderr[-2000:]
    failed = set(FAILURE.findall(done.stdout))
    assert failed <= set(KNOWN), done.stdout[-20000:]
    assert counts["failed"] == len(failed)
    print(f"found {counts['found']}, successful {counts['successful']}, failed {counts['failed']}")
