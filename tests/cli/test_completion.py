"""Completion scripts, in the shells they are for: each sources its script and is asked what may come next."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Ask = Callable[[str], set[str]]


def needs(shell: str) -> str:
    """The shell's program; the test is skipped where it is absent."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not installed")
    return found


def script_of(program: Path, shell: str, folder: Path) -> Path:
    script = folder / f"millpond.{shell}"
    script.write_bytes(subprocess.run([program, "completion", shell], check=True, capture_output=True).stdout)
    return script


def run(words: list[str], folder: Path) -> str:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def bash(program: Path, folder: Path) -> Ask:
    shell, script = needs("bash"), script_of(program, "bash", folder)

    def ask(line: str) -> set[str]:
        words = " ".join(f"'{word}'" for word in line.split(" "))
        code = (
            f"source {script}; COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ));"
            " _millpond; printf '%s\\n' \"${COMPREPLY[@]}\""
        )
        return set(run([shell, "--norc", "-c", code], folder).split())

    return ask


def fish(program: Path, folder: Path) -> Ask:
    shell, script = needs("fish"), script_of(program, "fish", folder)

    def ask(line: str) -> set[str]:
        out = run([shell, "--no-config", "-c", f"source {script}; complete -C '{line}'"], folder)
        return {answer.split("\t")[0] for answer in out.splitlines()}

    return ask


def zsh(program: Path, folder: Path) -> Ask:
    """Completion in zsh happens in its line editor only, so it gets a terminal and a pressed key."""
    shell, script = needs("zsh"), script_of(program, "zsh", folder)

    def ask(line: str) -> set[str]:
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(folder)
            env = {"PATH": os.environ["PATH"], "HOME": str(folder), "TERM": "vt100", "LC_ALL": "C.UTF-8"}
            os.execve(shell, [shell, "-f", "-i"], env)
        try:
            setup = (
                "PS1='' PS2=''; unsetopt zle_bracketed_paste beep; LISTMAX=10000; autoload -U compinit; compinit -u -D;"
                f" source {script}; zstyle ':completion:*' list-separator '--'; stty cols 400 rows 200;"
                " print 're''ady'\n"
            )
            os.write(terminal, setup.encode())
            read_until(terminal, "ready\r")
            # Twice: the first key completes what is common, the second lists.
            os.write(terminal, f"{line}\t\t".encode())
            text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b.", "", read_until(terminal, None))
        finally:
            os.close(terminal)
            os.waitpid(child, 0)
        return set(re.findall(r"(?<![\w./-])(?:--)?[a-z][\w.-]*", text))

    return ask


def read_until(terminal: int, wanted: str | None) -> str:
    """What the terminal shows until ``wanted``, or until it has been quiet for a second."""
    text, end = "", time.monotonic() + 60
    while time.monotonic() < end and (wanted is None or wanted not in text):
        ready = select.select([terminal], [], [], 1.0)[0]
        if ready:
            text += os.read(terminal, 65536).decode(errors="replace")
        elif wanted is None and text:
            return text
    assert wanted is None or wanted in text, text
    return text


@pytest.mark.parametrize("shell", [bash, fish, pytest.param(zsh, marks=pytest.mark.slow)])
def test_completions(shell: Callable[[Path, Path], Ask], program: Path, tmp_path: Path) -> None:
    (tmp_path / "ponds").mkdir()
    ask = shell(program, tmp_path)
    assert {"check", "clean", "init", "sync"} <= ask("millpond ")
    assert "check" in ask("millpond che")
    assert "init" not in ask("millpond c")
    assert "--suite" in ask("millpond check --s")
    assert "--json" in ask("millpond check --j"), "options of the program stand after verbs too"
    assert {"ls", "show"} <= ask("millpond run ")
    # A value of an option is no verb: what comes after is still completed for check.
    assert "--suite" in ask("millpond --pond ponds check --su")
    assert {"bash", "fish", "zsh"} <= ask("millpond completion ")
    assert any(name.startswith("ponds") for name in ask("millpond --pond po"))
    assert "always" in ask("millpond ls --color al")


def test_scripts_are_clean(program: Path, tmp_path: Path) -> None:
    script = script_of(program, "bash", tmp_path)
    subprocess.run([needs("bash"), "-n", script], check=True)
    if shutil.which("zsh"):
        subprocess.run(["zsh", "-n", script_of(program, "zsh", tmp_path)], check=True)
    if shutil.which("fish"):
        subprocess.run(["fish", "-n", script_of(program, "fish", tmp_path)], check=True)
