"""The limits on what the operator's secrets or the keys to an account ask for, across processes.

The row of a limit is made by the first call and stays. Its calls are counted by the database's
clock, which all processes share.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import Session

from postgres.auth.models import ProviderLimit

# What headers said comes before what is documented; where neither does, any number may be made.
_TAKE = """
    insert into auth.provider_limits as l (provider, name, called_at)
    values (:provider, :name, array[clock_timestamp()])
    on conflict (provider, name) do update set
        called_at = array(
            select t from unnest(l.called_at) as t
            where t > clock_timestamp() - coalesce(l.period, :period) - :margin
            order by t
        ) || clock_timestamp(),
        closed_until = null
    where
        coalesce(l.closed_until <= clock_timestamp(), true)
        and coalesce(
            (
                select count(*) from unnest(l.called_at) as t
                where t > clock_timestamp() - coalesce(l.period, :period) - :margin
            ) < coalesce(l.calls_limit, :calls),
            true
        )
    returning true
"""

# The call that has to pass out of the period before another one fits in.
_WAIT = """
    select greatest(
        coalesce(l.closed_until - clock_timestamp(), '0'),
        coalesce(
            l.called_at[cardinality(l.called_at) - coalesce(l.calls_limit, :calls) + 1]
            + coalesce(l.period, :period) + :margin - clock_timestamp(),
            '0'
        )
    )
    from auth.provider_limits as l
    where l.provider = :provider and l.name = :name
"""

_TYPES = (
    sa.bindparam("calls", type_=sa.Integer()),
    sa.bindparam("period", type_=sa.Interval()),
    sa.bindparam("margin", type_=sa.Interval()),
)


def take_call(
    session: Session,
    provider: str,
    name: str,
    *,
    calls: int | None,
    period: dt.timedelta | None,
    margin: dt.timedelta = dt.timedelta(),
) -> dt.timedelta | None:
    """Count a call if the limit leaves one; one statement, whoever else does so at the same time.

    :param calls: how many may be made within any ``period``, unless headers said otherwise; None:
        as many as headers say, and any number before they ever did.
    :param period: as ``calls``.
    :param margin: how much longer a period is taken to be.
    :returns: None if it may be made now; else how long until one is likely to be free.
    """
    values = {
        "provider": provider,
        "name": name,
        "calls": calls,
        "period": period,
        "margin": margin,
    }
    if session.scalar(sa.text(_TAKE).bindparams(*_TYPES), values):
        return None
    wait: dt.timedelta = session.scalar(sa.text(_WAIT).bindparams(*_TYPES), values) or (
        dt.timedelta()
    )
    return wait


def note_limit(
    session: Session,
    provider: str,
    name: str,
    *,
    calls_limit: int | None,
    calls_remaining: int | None,
    resets_at: dt.datetime | None,
    observed_at: dt.datetime,
    period: dt.timedelta | None = None,
    closed_for: dt.timedelta | None = None,
) -> None:
    """Keep the newest word of the headers.

    :param resets_at: by the ledger's clock; so is ``observed_at``.
    :param period: how long the limit is; None: they do not say.
    :param closed_for: no call is possible for so long, whatever we have counted.
    """
    values = {
        "calls_limit": calls_limit,
        "calls_remaining": calls_remaining,
        "resets_at": resets_at,
        "observed_at": observed_at,
    }
    insert = pg.insert(ProviderLimit).values(
        provider=provider,
        name=name,
        closed_until=None if closed_for is None else sa.func.clock_timestamp() + closed_for,
        period=period,
        **values,
    )
    known = sa.func.coalesce(insert.excluded.calls_limit, ProviderLimit.calls_limit)
    length = sa.func.coalesce(insert.excluded.period, ProviderLimit.period)
    longest = sa.func.greatest(ProviderLimit.closed_until, insert.excluded.closed_until)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["provider", "name"],
            set_={
                **values,
                "calls_limit": known,
                "period": length,
                "closed_until": longest,
            },
        ).execution_options(synchronize_session=False)
    )


def list_provider_limits(session: Session, provider: str) -> Sequence[ProviderLimit]:
    """Return the limits that were ever met at a provider, by name."""
    return session.scalars(
        sa.select(ProviderLimit)
        .where(ProviderLimit.provider == provider)
        .order_by(ProviderLimit.name)
    ).all()
