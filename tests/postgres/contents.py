"""All that is in a database, to look for what must not be there."""

from __future__ import annotations

import base64
import binascii
import contextlib

import sqlalchemy as sa
from sqlalchemy.orm import Session


def everything_in(session: Session) -> str:
    """Return every row of every table as text, and every bytea also as the text it may hold."""
    tables = session.scalars(
        sa.text(
            "select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        )
    )
    words: list[str] = []
    for table in tables:
        for row in session.scalars(sa.text(f"select t::text from {table} as t")):  # noqa: S608
            words.append(row)
            words += [
                bytes.fromhex(part[3:]).decode("latin-1")
                for part in row.split('"')
                if part.startswith("\\\\x")
            ]
    return "\n".join(words)


def forms(secret: str) -> set[str]:
    """Return the forms in which a secret might stand somewhere; halves of a key included."""
    parts = [secret.encode()]
    with contextlib.suppress(binascii.Error):
        raw = base64.urlsafe_b64decode(secret)
        parts += [raw, raw[:16], raw[16:]] if len(raw) == 32 else []
    found = {secret}
    for part in parts:
        found |= {part.hex(), base64.b64encode(part).decode().rstrip("=")}
        found.add(base64.urlsafe_b64encode(part).decode().rstrip("="))
    return found
