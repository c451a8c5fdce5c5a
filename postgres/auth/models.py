"""Who owns rows."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from postgres.core import Base, HasId, HasTimes


class User(HasId, HasTimes, Base):
    """A person whose money this is."""

    __tablename__ = "users"
    __table_args__ = {"schema": "auth"}

    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(comment="argon2id, with its parameters")
    time_zone: Mapped[str] = mapped_column(
        server_default="Europe/London", comment="IANA name; decides where a day and a period end"
    )
    base_currency: Mapped[str] = mapped_column(
        server_default="GBP", comment="ISO 4217; what totals over several currencies are given in"
    )


def owner() -> Mapped[uuid.UUID]:
    """Return the column that says whose a row is; it goes with its user."""
    return mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"), index=True)
