"""What grows with every login is let go of."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest
import sqlalchemy as sa

from farthing import clock
from postgres.auth.models import KnownSource, LoginThrottle, RefreshToken
from postgres.auth.operations import refresh_tokens, users
from postgres.errors import AuthenticationError
from tests.conftest import World
from tests.dagster_project.support import execute


def test_what_can_let_nobody_in_or_out_any_more_is_deleted(
    world: World, instance: dg.DagsterInstance, defs: dg.Definitions
) -> None:
    now = clock.now()
    for at, source in ((now - dt.timedelta(days=91), "old"), (now, "new")):
        users.authenticate(world.sessions, "ann", "correct horse", source=source, now=at)
        with pytest.raises(AuthenticationError):
            users.authenticate(world.sessions, "ann", "wrong horse", source=source, now=at)
        with world.sessions.begin() as session:
            refresh_tokens.issue_token(session, world.user_id, now=at)

    assert execute(defs, instance, "prune_logins").success

    with world.sessions() as session:
        for instant in (
            KnownSource.last_login_at,
            LoginThrottle.last_failed_at,
            RefreshToken.issued_at,
        ):
            assert set(session.scalars(sa.select(instant))) == {now}, instant
