from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres.embedded import EmbeddedServer


@pytest.fixture
def place() -> Iterator[Path]:
    """Make a directory with a short name that anybody can enter; stop what runs below it."""
    # pytest's own directories have names too long for a socket.
    path = Path(tempfile.mkdtemp(prefix="ft", dir="/tmp"))
    path.chmod(0o755)
    yield path
    for base in path.rglob("start.lock"):
        EmbeddedServer(base.parent.parent).stop()
    shutil.rmtree(path)


@pytest.fixture
def home(place: Path) -> Path:
    """Name a home that does not exist yet."""
    return place / "home"


@pytest.fixture
def as_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
