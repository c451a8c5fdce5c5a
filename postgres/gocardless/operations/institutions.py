"""Banks as GoCardless lists them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from postgres.core import WriteCounts, upsert
from postgres.gocardless.models import Institution
from postgres.payload import FIRST_SEEN, Stamp


def land(session: Session, payloads: Sequence[dict[str, Any]], stamp: Stamp) -> WriteCounts:
    """Store institutions as delivered; one that is unchanged is not written."""
    rows = {str(p["id"]): {"id": p["id"], "name": p["name"], **stamp.on(p)} for p in payloads}
    return upsert(
        session,
        Institution,
        list(rows.values()),
        key=("id",),
        compare=("content_hash",),
        insert_only=FIRST_SEEN,
    )
