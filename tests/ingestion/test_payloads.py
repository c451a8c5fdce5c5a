"""Rows that no bank should send: nothing breaks, nothing is lost, and what is sound stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAYLOADS = int(os.environ.get("FARTHING_PAYLOADS", "2000"))
SEED = 20260315
MOST_MB = 300


def test_broken_rows_are_in_the_ledger_or_wait_for_a_person(database_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.payloads", database_url, str(PAYLOADS), str(SEED)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"seed {SEED}\n{done.stderr[-8000:]}"
    told = json.loads(done.stdout)
    sys.stdout.write(f"seed {SEED}: {told}\n")
    assert told["broken"] == PAYLOADS
    accounted = told["accepted"] + told["quarantined"] + told["superseded"]
    assert told["received"] == accounted
    assert min(told["accepted"], told["quarantined"], told["superseded"]) > 0
    assert told["siblings_standing"] == told["siblings"] > 0
    assert told["peak_mb"] < MOST_MB
