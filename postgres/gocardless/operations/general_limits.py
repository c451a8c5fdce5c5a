"""The limits that hold for all that the operator's secrets ask for, kept across processes.

The row of a limit is made by the first call and stays. Its calls are counted by the database's
clock, which all processes share.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.gocardless.models import RateLimit

GENERAL = "general"
"""The scope of these limits, as providers.http.RateLimit calls it."""

_TAKE = """
    insert into gocardless.rate_limits as l (resource, scope, observed_at, called_at)
    values (:name, 'general', :at, array[clock_timestamp()])
    on conflict (bank_account_id, resource, scope) do update set
        called_at = array(
            select t from unnest(l.called_at) as t where t > clock_timestamp() - :period order by t
        ) || clock_timestamp(),
        refused_until = null
    where
        coalesce(l.refused_until <= clock_timestamp(), true)
        and (
            select count(*) from unnest(l.called_at) as t where t > clock_timestamp() - :period
        ) < coalesce(l.calls_limit, :calls)
    returning true
"""

# The call that has to pass out of the period before another one fits in.
_WAIT = """
    select greatest(
        coalesce(l.refused_until - clock_timestamp(), '0'),
        coalesce(
            l.called_at[cardinality(l.called_at) - coalesce(l.calls_limit, :calls) + 1]
            + :period - clock_timestamp(),
            '0'
        )
    )
    from gocardless.rate_limits as l
    where l.scope = 'general' and l.resource = :name
"""


def take_call(
    session: Session, name: str, *, calls: int, period: dt.timedelta, at: dt.datetime
) -> dt.timedelta | None:
    """Count a call if the limit leaves one; one statement, whoever else does so at the same time.

    :param calls: how many may be made within any ``period``, unless headers said otherwise.
    :param at: the ledger's now.
    :returns: None if it may be made now; else how long until one is likely to be free.
    """
    values = {"name": name, "calls": calls, "period": period, "at": at}
    if session.scalar(sa.text(_TAKE), values):
        return None
    wait: dt.timedelta = session.scalar(sa.text(_WAIT), values) or dt.timedelta()
    return wait


def note_limit(
    session: Session,
    name: str,
    *,
    calls_limit: int | None,
    calls_remaining: int | None,
    resets_at: dt.datetime | None,
    observed_at: dt.datetime,
    closed_for: dt.timedelta | None = None,
) -> None:
    """Keep the newest word of the headers.

    :param resets_at: by the ledger's clock; so is ``observed_at``.
    :param closed_for: no call is possible for so long, whatever we have counted.
    """
    values = {
        "calls_limit": calls_limit,
        "calls_remaining": calls_remaining,
        "resets_at": resets_at,
        "observed_at": observed_at,
    }
    insert = pg.insert(RateLimit).values(
        resource=name,
        scope=GENERAL,
        refused_until=None if closed_for is None else sa.func.clock_timestamp() + closed_for,
        **values,
    )
    longest = sa.func.greatest(RateLimit.refused_until, insert.excluded.refused_until)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["bank_account_id", "resource", "scope"],
            set_={**values, "refused_until": longest},
        ).execution_options(synchronize_session=False)
    )


def list_general_limits(session: Session) -> Sequence[RateLimit]:
    """Return the limits that were ever met, by name."""
    return session.scalars(
        sa.select(RateLimit).where(RateLimit.scope == GENERAL).order_by(RateLimit.resource)
    ).all()
