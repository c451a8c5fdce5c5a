"""Parse the dbt project with every warning an error. Needs no database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"


def main() -> int:
    """Run ``dbt parse`` and return its exit code."""
    dbt = Path(sys.executable).with_name("dbt")
    command = [
        str(dbt),
        "--warn-error",
        "parse",
        "--no-partial-parse",
        "--target-path",
        "target/lint",
    ]
    environment = {**os.environ, "DBT_PROJECT_DIR": str(PROJECT), "DBT_PROFILES_DIR": str(PROJECT)}
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
