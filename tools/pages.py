"""Pages that are written from the code, and a check that they are of it."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def keep(name: str, page: str) -> int:
    """Write a page of ``docs``, or with ``--check`` compare it, and return the exit code."""
    path = DOCS / name
    if "--check" not in sys.argv[1:]:
        path.write_text(page, encoding="utf-8")
        return 0
    is_stale = not path.exists() or path.read_text(encoding="utf-8") != page
    if is_stale:
        print(f"docs/{name} is not of this code; run `make docs`")
    return int(is_stale)


def cell(text: str) -> str:
    """Return text as it stands in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")
