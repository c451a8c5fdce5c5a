"""Read made-up banks by the thousand, and compare the ledger with the truth.

Usage: python -m benchmarks.reliability [--worlds 10000] [--workers 2] [--seconds S] [--first SEED]

What was read is kept in a file, a line a town, and is not read again by the same code: a run that
was stopped goes on where it was. A seed that fails belongs into ``REGRESSIONS`` of
tests/ingestion/test_worlds.py once it is understood.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import psycopg
import sqlalchemy as sa

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.run import Run
from postgres import migrate
from postgres.core import make_engine, make_sessions
from postgres.embedded import EmbeddedServer
from tests.ingestion.bank_server import serving
from tests.ingestion.worlds import ACCOUNTS, Household, live_through

ROOT = Path(__file__).resolve().parent.parent
CODE = ("farthing", "providers", "postgres", "ingestion", "migrations")
WORLDS = ("tests/ingestion/worlds.py", "tests/ingestion/bank*.py", "tests/postgres/bank_world.py")

_household: Household | None = None
_open = ExitStack()


def main(arguments: Sequence[str] | None = None) -> int:
    """Read what is left to read, and print what came of all of it.

    :returns: 1 if a world is not as it truly is.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    parser.add_argument("--first", type=int, default=0, help="the first seed; one a town")
    parser.add_argument("--file", type=Path, default=ROOT / ".farthing" / "reliability.jsonl")
    options = parser.parse_args(arguments)
    code = fingerprint()
    seeds = range(options.first, options.first + -(-options.worlds // ACCOUNTS))
    options.file.parent.mkdir(parents=True, exist_ok=True)
    done = {r["seed"]: r for r in _lines(options.file) if r["code"] == code and r["seed"] in seeds}
    left = [seed for seed in seeds if seed not in done]
    print(f"{len(done) * ACCOUNTS:,} worlds were read before, {len(left) * ACCOUNTS:,} are left")
    with options.file.open("a", encoding="utf-8") as file:
        for report in _read(left, options.workers, options.seconds):
            done[report["seed"]] = report
            file.write(json.dumps({"code": code, **report}) + "\n")
            file.flush()
            if report["wrong"]:
                print(f"seed {report['seed']}: {'; '.join(report['wrong'])}", flush=True)
    return summarise(done, len(seeds))


def summarise(done: dict[int, dict[str, Any]], wanted: int) -> int:
    """Print what came of it, and return 1 if anything is wrong."""
    worlds = sum(each["worlds"] for each in done.values())
    faults: Counter[str] = sum((Counter(each["faults"]) for each in done.values()), Counter())
    failed = sorted(seed for seed, each in done.items() if each["wrong"])
    print(
        f"{worlds:,} worlds in {len(done):,} of {wanted:,} towns,"
        f" {sum(each['rows'] for each in done.values()):,} transactions,"
        f" {sum(faults.values()):,} faults of {len(faults)} kinds"
    )
    for kind, count in sorted(faults.items()):
        print(f"  {count:7,} {kind}")
    if failed:
        print(f"{len(failed)} towns are not as they truly are, of the seeds {failed}")
    elif worlds:
        print(f"none is wrong: at most {3 / worlds:.4%} are, with 95 % confidence (3/n)")
    return 1 if failed else 0


def fingerprint() -> str:
    """Return a digest of the code whose reliability this is."""
    digest = hashlib.sha256()
    files = [f for name in CODE for f in (ROOT / name).rglob("*") if f.suffix in (".py", ".sql")]
    for path in sorted([*files, *(f for name in WORLDS for f in ROOT.glob(name))]):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def _read(seeds: Sequence[int], workers: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Yield what came of each town, for as long as there is time."""
    until = time.monotonic() + seconds
    waiting = iter(seeds)
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as address,
        ProcessPoolExecutor(
            workers, get_context("spawn"), _start, (address.url("postgres"), home)
        ) as pool,
    ):
        running: set[Future[dict[str, Any]]] = set()
        while True:
            while len(running) < workers and time.monotonic() < until:
                seed = next(waiting, None)
                if seed is None:
                    break
                running.add(pool.submit(_live_through, seed))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


def _start(server_url: str, home: str) -> None:
    """Give this process a database and a server of banks of its own."""
    global _household  # noqa: PLW0603
    name = f"worlds_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    url = sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    engine = make_engine(url)
    migrate.upgrade(engine)
    server = _open.enter_context(serving())
    os.environ |= {
        "FARTHING_HOME": home,
        "GOCARDLESS_BASE_URL": server.base_url,
        "GOCARDLESS_SECRET_ID": "id",
        "GOCARDLESS_SECRET_KEY": "key",
    }
    settings, sessions = Settings.load(), make_sessions(engine)
    run = Run("worlds", sessions, settings, SecretBox.from_settings(settings))
    _household = Household(sessions, run, server)


def _live_through(seed: int) -> dict[str, Any]:
    household = cast("Household", _household)
    report = live_through(household, seed)
    return {name: getattr(report, name) for name in report.__slots__}


if __name__ == "__main__":
    sys.exit(main())
