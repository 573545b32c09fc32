"""tools/check_docs finds links that lead nowhere, and only those."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def check(repository: Path, root: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, str(repository / "tools" / "check_docs"), "--root", str(root)], capture_output=True, text=True
    )
    return done.returncode, done.stdout


def test_links_of_this_repository_lead_somewhere(repository: Path) -> None:
    code, output = check(repository, repository)
    assert code == 0, output


def test_good_links_pass(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# The `pond`, again\n")
    (tmp_path / "a.md").write_text(
        "[b](b.md#the-pond-again) [self](#top)\n# Top\n`[no](link.md)`\n```\n[x](y.md)\n```\n"
    )
    assert check(repository, tmp_path)[0] == 0


def test_bad_links_are_found(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n[gone](gone.md) and [bad](#nothing) ![picture](p.png)\n")
    code, output = check(repository, tmp_path)
    assert code == 1
    assert output.splitlines() == [
        "a.md:2: gone.md leads nowhere",
        "a.md:2: #nothing names no heading there",
        "a.md:2: p.png leads nowhere",
    ]
