"""Starts `millpond serve` for a test and stops it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Served:
    """A pond that is being served."""

    program: Path
    pond: Path
    url: str
    token: str | None
    process: subprocess.Popen[str]

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any, dict[str, str]]:
        """Status, decoded JSON body (or None) and headers of one request."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        if token or self.token:
            request.add_header("Authorization", f"Bearer {token or self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                text = response.read()
                return response.status, json.loads(text) if text else None, dict(response.headers)
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text else None, dict(error.headers)

    def cli(self, *words: str) -> Any:
        """The JSON report of a verb over the same pond."""
        done = subprocess.run(
            [self.program, "--pond", self.pond, "--json", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


@contextlib.contextmanager
def serve(program: Path, pond: Path, *options: str) -> Iterator[Served]:
    """Serve ``pond`` (made where there is none) on a free port of 127.0.0.1."""
    if not (pond / "millpond.toml").exists():
        subprocess.run([program, "init", pond], check=True, capture_output=True)
    process = subprocess.Popen(
        [program, "--pond", pond, "--json", "serve", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            with contextlib.suppress(json.JSONDecodeError):
                ready = json.loads("".join(lines))
                break
        else:
            assert process.stderr is not None
            raise AssertionError(f"the server did not start: {process.stderr.read()}")
        yield Served(program, pond, ready["url"], ready.get("token"), process)
    finally:
        process.terminate()
        process.wait(timeout=30)
