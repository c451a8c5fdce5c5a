"""Who owns rows, and how they prove who they are."""

from __future__ import annotations

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Mapped, mapped_column

from postgres.core import Base, HasId, HasTimes

SCHEMA = "auth"


def owner() -> Mapped[uuid.UUID]:
    """Return the column that says whose a row is; it goes with its user."""
    return mapped_column(sa.ForeignKey("auth.users.id", ondelete="CASCADE"), index=True)


class User(HasId, HasTimes, Base):
    """A person whose money this is."""

    __tablename__ = "users"
    __table_args__ = (
        sa.Index("uq_users__lower_name", sa.text("lower(name)"), unique=True),
        sa.CheckConstraint("base_currency ~ '^[A-Z]{3}$'", name="base_currency_is_iso"),
        {"schema": SCHEMA, "info": {"audited": ("name", "time_zone", "base_currency")}},
    )

    name: Mapped[str]
    password_hash: Mapped[str] = mapped_column(
        comment="argon2id, with its parameters", info={"secret": True}
    )
    time_zone: Mapped[str] = mapped_column(
        server_default="Europe/London", comment="IANA name; decides where a day and a period end"
    )
    base_currency: Mapped[str] = mapped_column(
        server_default="GBP", comment="ISO 4217; what totals over several currencies are given in"
    )


class RefreshToken(HasId, Base):
    """One link of a chain of single-use tokens: a family, that one login started.

    A used or revoked row never changes back; a trigger holds that.
    """

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        sa.UniqueConstraint("id", "family_id", "user_id"),
        sa.ForeignKeyConstraint(
            ["parent_id", "family_id", "user_id"],
            [f"{SCHEMA}.refresh_tokens.{column}" for column in ("id", "family_id", "user_id")],
            ondelete="SET NULL (parent_id)",
        ),
        sa.Index(
            "uq_refresh_tokens__live",
            "family_id",
            unique=True,
            postgresql_where=sa.text("used_at is null and revoked_at is null"),
        ),
        sa.CheckConstraint("octet_length(token_hash) = 32", name="token_hash_is_sha256"),
        sa.CheckConstraint("expires_at > issued_at", name="expires_after_issue"),
        sa.CheckConstraint(
            "successor_seed is null or used_at is not null and revoked_at is null",
            name="seed_is_of_a_used_one",
        ),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = owner()
    family_id: Mapped[uuid.UUID] = mapped_column(index=True)
    parent_id: Mapped[uuid.UUID | None] = mapped_column(
        unique=True, comment="what it was given for; null: the first, or the parent was purged"
    )
    token_hash: Mapped[bytes] = mapped_column(
        unique=True, comment="SHA-256 of the token", info={"secret": True}
    )
    issued_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)
    used_at: Mapped[dt.datetime | None] = mapped_column(comment="when it was given up for the next")
    successor_seed: Mapped[bytes | None] = mapped_column(
        comment="makes the next token out of this one, until that is used"
    )
    revoked_at: Mapped[dt.datetime | None]


class LoginThrottle(Base):
    """How often a password was wrong of late, for a name and from one source or from anywhere."""

    __tablename__ = "login_throttles"
    __table_args__ = (
        sa.CheckConstraint("octet_length(source_hash) in (0, 32)", name="source_hash_is_sha256"),
        sa.CheckConstraint("name_bucket between 0 and 65535", name="name_bucket_is_16_bits"),
        sa.CheckConstraint("failures >= 0", name="failures_not_negative"),
        {"schema": SCHEMA},
    )

    name_bucket: Mapped[int] = mapped_column(
        primary_key=True,
        autoincrement=False,
        comment="16 bits of SHA-256 of the name: too few to tell a password typed in its place",
    )
    source_hash: Mapped[bytes] = mapped_column(
        primary_key=True, comment="SHA-256; empty: all sources that the user is not known from"
    )
    failures: Mapped[int] = mapped_column(
        comment="each is counted before the password is looked at"
    )
    last_failed_at: Mapped[dt.datetime]


class KnownSource(Base):
    """Where a user has logged in from."""

    __tablename__ = "known_sources"
    __table_args__ = (
        sa.CheckConstraint("octet_length(source_hash) = 32", name="source_hash_is_sha256"),
        {"schema": SCHEMA},
    )

    user_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("auth.users.id", ondelete="CASCADE"), primary_key=True
    )
    source_hash: Mapped[bytes] = mapped_column(primary_key=True, comment="SHA-256")
    last_login_at: Mapped[dt.datetime]


class ProviderToken(Base):
    """The tokens that a provider gave the operator, shared by all processes until they end."""

    __tablename__ = "provider_tokens"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secrets_hash) = 32", name="secrets_hash_is_sha256"),
        {"schema": SCHEMA},
    )

    secrets_hash: Mapped[bytes] = mapped_column(
        primary_key=True, comment="SHA-256 of the provider's address and the secrets"
    )
    sealed: Mapped[bytes] = mapped_column(
        comment="the tokens, encrypted; what does not open is asked for anew",
        info={"secret": True},
    )
    kept_at: Mapped[dt.datetime]


class ProviderLimit(Base):
    """A limit on what the operator's secrets, or all keys to an account, ask for together."""

    __tablename__ = "provider_limits"
    __table_args__ = {"schema": SCHEMA}

    provider: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(
        primary_key=True, comment="which limit; trading212: account/path, as told by headers"
    )
    called_at: Mapped[list[dt.datetime]] = mapped_column(
        pg.ARRAY(sa.DateTime(timezone=True)),
        server_default="{}",
        comment="the calls of the running period, by the database's clock, as is closed_until",
    )
    closed_until: Mapped[dt.datetime | None] = mapped_column(
        comment="the provider said that no call is possible before"
    )
    calls_limit: Mapped[int | None]
    calls_remaining: Mapped[int | None]
    period: Mapped[dt.timedelta | None] = mapped_column(
        comment="that the limit is of, as headers said; null: as documented"
    )
    resets_at: Mapped[dt.datetime | None] = mapped_column(comment="by the ledger's clock")
    observed_at: Mapped[dt.datetime | None] = mapped_column(
        comment="when headers last said so; null: never"
    )
