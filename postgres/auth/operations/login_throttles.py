"""What slows down the guessing of a password, and can never shut its owner out for good.

Failures are counted twice. For a name from one source: ten are free, then each doubles a wait of
one second up to 15 minutes. For a name from all sources that its user has never logged in from,
against those who guess from many: a hundred are free, and the wait is 30 seconds at most. Where a
user has logged in before, only what came from there counts, so that nobody elsewhere can hold it
up; refresh tokens and :func:`postgres.auth.operations.users.set_password` do not wait at all.
An attempt during a wait counts in nothing and prolongs nothing. A day without a failure forgets
them all.

Names that nobody has are counted like all others, else they would tell themselves apart. A source
is kept as a digest: out of sight, but whoever has the database can try all addresses.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.auth import names
from postgres.auth.models import KnownSource, LoginThrottle, User
from postgres.errors import TooManyAttemptsError

FORGET_FAILURES_AFTER = dt.timedelta(days=1)
FORGET_SOURCES_AFTER = dt.timedelta(days=90)

# The clocks of two servers may differ by this. A wait that is longer than it can be comes of a
# clock that was wrong, and is none: else it could last for years.
_CLOCK_SKEW = dt.timedelta(minutes=1)
_NO_WAIT = dt.timedelta(0)
_EVERYWHERE = b""
_NOBODY = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and the longest wait after the others."""

    free: int
    longest: dt.timedelta

    def wait_after(self, failures: int) -> dt.timedelta:
        """Return how long the next attempt has to wait after the last failure."""
        if failures < self.free:
            return _NO_WAIT
        doublings = min(failures - self.free, 20)  # well past the longest
        return min(dt.timedelta(seconds=2**doublings), self.longest)


FROM_ONE_SOURCE = Limit(free=10, longest=dt.timedelta(minutes=15))
FROM_EVERYWHERE = Limit(free=100, longest=dt.timedelta(seconds=30))


def charge(
    session: Session, user: User | None, name: str, *, source: str, now: dt.datetime
) -> None:
    """Count an attempt as failed before its password is looked at, so that none goes uncounted.

    :param user: whose name it is; None: nobody's.
    :param source: see :func:`postgres.auth.operations.users.authenticate`.
    :raises TooManyAttemptsError: if it has to wait; then nothing is counted.
    """
    source_hash = _hash_source(source)
    bucket = _bucket(user.name if user else name)
    is_known = _is_known(session, user.id if user else _NOBODY, source_hash)
    counted = [source_hash] if is_known else [_EVERYWHERE, source_hash]
    _insert_missing(session, bucket, counted, now)
    rows = session.scalars(
        sa.select(LoginThrottle)
        .where(LoginThrottle.name_bucket == bucket, LoginThrottle.source_hash.in_(counted))
        .order_by(LoginThrottle.source_hash)
        .with_for_update()
    ).all()
    longest = max((_wait(row, now) for row in rows), default=_NO_WAIT)
    if longest > _NO_WAIT:
        raise TooManyAttemptsError(now + longest)
    for row in rows:
        is_forgotten = row.last_failed_at <= now - FORGET_FAILURES_AFTER
        row.failures = 1 if is_forgotten else row.failures + 1
        row.last_failed_at = now
    session.flush()


def settle(session: Session, user: User, *, source: str, now: dt.datetime) -> None:
    """Take back what :func:`charge` counted, for the password was right, and know the source.

    The failures of others stay: a login of the owner does not set their count to zero.
    """
    source_hash = _hash_source(source)
    bucket = _bucket(user.name)
    if not _is_known(session, user.id, source_hash):
        session.execute(
            sa.update(LoginThrottle)
            .where(
                LoginThrottle.name_bucket == bucket,
                LoginThrottle.source_hash == _EVERYWHERE,
                LoginThrottle.failures > 0,
            )
            .values(failures=LoginThrottle.failures - 1)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        sa.delete(LoginThrottle)
        .where(LoginThrottle.name_bucket == bucket, LoginThrottle.source_hash == source_hash)
        .execution_options(synchronize_session=False)
    )
    known = pg.insert(KnownSource).values(
        user_id=user.id, source_hash=source_hash, last_login_at=now
    )
    session.execute(
        known.on_conflict_do_update(
            index_elements=["user_id", "source_hash"],
            set_={"last_login_at": known.excluded.last_login_at},
        )
    )


def lift(session: Session, user: User) -> None:
    """Forget every failure that was counted for a user's name, wherever it came from."""
    bucket = _bucket(user.name)
    # In the order in which an attempt takes them.
    session.execute(
        sa.select(LoginThrottle.source_hash)
        .where(LoginThrottle.name_bucket == bucket)
        .order_by(LoginThrottle.source_hash)
        .with_for_update()
    )
    session.execute(
        sa.delete(LoginThrottle)
        .where(LoginThrottle.name_bucket == bucket)
        .execution_options(synchronize_session=False)
    )


def purge_expired(session: Session, *, now: dt.datetime) -> int:
    """Delete failures older than a day, and sources without a login for 90 days, of everybody.

    :returns: the rows deleted.
    """
    old = (
        sa.delete(LoginThrottle).where(LoginThrottle.last_failed_at <= now - FORGET_FAILURES_AFTER),
        sa.delete(KnownSource).where(KnownSource.last_login_at <= now - FORGET_SOURCES_AFTER),
    )
    return sum(session.connection().execute(statement).rowcount for statement in old)


def _insert_missing(
    session: Session, bucket: int, source_hashes: list[bytes], now: dt.datetime
) -> None:
    rows = [
        {"name_bucket": bucket, "source_hash": each, "failures": 0, "last_failed_at": now}
        for each in source_hashes
    ]
    session.execute(pg.insert(LoginThrottle).values(rows).on_conflict_do_nothing())


def _wait(row: LoginThrottle, now: dt.datetime) -> dt.timedelta:
    limit = FROM_ONE_SOURCE if row.source_hash else FROM_EVERYWHERE
    after_the_last = limit.wait_after(row.failures)
    left = row.last_failed_at + after_the_last - now
    return left if after_the_last and left <= limit.longest + _CLOCK_SKEW else _NO_WAIT


def _is_known(session: Session, user_id: uuid.UUID, source_hash: bytes) -> bool:
    known = sa.exists().where(
        KnownSource.user_id == user_id, KnownSource.source_hash == source_hash
    )
    return bool(session.scalar(sa.select(known)))


def _bucket(name: str) -> int:
    return int.from_bytes(_digest(names.canonical(name).casefold())[:2])


def _hash_source(source: str) -> bytes:
    return _digest(_network(source))


def _network(source: str) -> str:
    # Whoever has an address of IPv6 has the 2**64 beside it too.
    try:
        address = ipaddress.ip_address(source)
    except ValueError:
        return source
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
