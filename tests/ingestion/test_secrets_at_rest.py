"""No secret is in the database in clear, and no key in any form, after all that writes has run."""

from __future__ import annotations

import dataclasses

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from pydantic import SecretStr

from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion.deliver import deliver_due
from ingestion.trading212 import pull_account_summary
from postgres.common.enums import NotificationType
from postgres.common.operations import notification_channels, notifications
from postgres.rotation import rotate
from tests.conftest import World
from tests.ingestion.pipeline import sync
from tests.ingestion.receiver import PASSWORD, receiving
from tests.postgres.contents import everything_in, forms

ADDED_LATER = Fernet.generate_key().decode()


@pytest.mark.slow
def test_after_a_sync_a_delivery_and_a_rotation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync(world.run())
    with receiving() as receiver, world.sessions.begin() as session:
        notification_channels.create_channel(
            session,
            world.user_id,
            name="phone",
            address=SecretStr(receiver.address("phone")),
            box=world.run().secrets,
        )
    with world.sessions.begin() as session:  # nobody is there any more, so that an error is stored
        notifications.notify(session, world.user_id, NotificationType.SYNC_FAILED, "a", "a")
    assert deliver_due(world.run()).unfinished

    first = (world.settings.home / "encryption.key").read_text()
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", f"{ADDED_LATER},{first}")
    assert sum(done.renewed for done in rotate(world.sessions, _box())) == 3
    monkeypatch.setenv("FARTHING_ENCRYPTION_KEYS", ADDED_LATER)

    with world.sessions() as session:
        assert session.scalar(sa.text("select last_error from common.notification_deliveries"))
        stored = everything_in(session)
    sandbox = world.sandbox
    for secret in (
        first,
        ADDED_LATER,
        PASSWORD,
        sandbox.trading212_key,
        sandbox.trading212_secret,
        sandbox.secret_id,
        sandbox.secret_key,
    ):
        assert [form for form in forms(secret) if form in stored] == []
    # And all of it still works, with the new key alone.
    world.sandbox.clear_requests()
    step = pull_account_summary(dataclasses.replace(world.run(), secrets=_box()))
    assert not step.unfinished
    assert world.sandbox.requests()


def _box() -> SecretBox:
    return SecretBox.from_settings(Settings.load())
