"""Run the command, here or as a process of its own."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.main import main

FARTHING = str(Path(sys.executable).parent / "farthing")
PREFIXES = ("FARTHING_", "GOCARDLESS_", "TRADING212_", "DAGSTER_")


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


def farthing(*arguments: str) -> Result:
    """Run a command in this process, without a terminal."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(arguments)
    return Result(code, out.getvalue(), err.getvalue())


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return an environment for a process in which nothing of ours is set but this."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(PREFIXES)}
    return {**kept, **variables}


def process(*arguments: str, **variables: str) -> Result:
    """Run the installed command."""
    done = subprocess.run(
        [FARTHING, *arguments],
        env=environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return Result(done.returncode, done.stdout, done.stderr)
