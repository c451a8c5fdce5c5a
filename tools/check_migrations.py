"""Migrate a throw-away database up, down and up again, and compare it with the models."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from postgres import migrate
from postgres.core import make_engine
from postgres.embedded import EmbeddedServer


def main() -> int:
    """Return 0 if the models and the migrations agree; Alembic says where they do not."""
    with (
        tempfile.TemporaryDirectory(prefix="farthing-") as home,
        EmbeddedServer(Path(home), durable=False).lease() as address,
    ):
        engine = make_engine(address.url("postgres"), pooled=False)
        migrate.upgrade(engine)
        migrate.downgrade(engine, "base")
        migrate.upgrade(engine)
        migrate.check(engine)
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
