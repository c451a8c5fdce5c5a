"""Run mutmut on one server and one migrated database for all mutants, and count what tests notice.

Arguments go to ``mutmut run``: names of mutants, with wildcards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from postgres import migrate
from postgres.core import make_engine
from postgres.embedded import EmbeddedServer

_TEMPLATE = "farthing_template"

# What mutmut notes of a mutant that no test noticed, that none reaches, and that it did not get to.
# Of all others the tests failed, or went on for too long.
_SURVIVED, _UNREACHED, _NOT_RUN = 0, 33, None


def main() -> int:
    """Return what mutmut returned."""
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as address,
    ):
        with psycopg.connect(address.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {_TEMPLATE}")
        engine = make_engine(address.url(_TEMPLATE), pooled=False)
        migrate.upgrade(engine)
        engine.dispose()
        os.environ["FARTHING_TEST_SERVER_URL"] = address.url("postgres")
        os.environ["FARTHING_TEST_TEMPLATE"] = _TEMPLATE
        mutmut = Path(sys.executable).with_name("mutmut")
        # One at a time: tests work on the template too, and then no database is made of it.
        arguments = ["run", "--max-children", "1", *sys.argv[1:]]
        run = subprocess.run([mutmut, *arguments], check=False)
    _report()
    return run.returncode


def _report() -> None:
    for path in sorted(Path("mutants").rglob("*.py.meta")):
        codes = json.loads(path.read_text())["exit_code_by_key"].values()
        run = [code for code in codes if code != _NOT_RUN]
        if run:
            killed = sum(code not in (_SURVIVED, _UNREACHED) for code in run)
            module = path.relative_to("mutants").with_suffix("")
            print(f"{module}: {killed} of {len(run)} killed, {killed / len(run):.0%}")


if __name__ == "__main__":
    sys.exit(main())
