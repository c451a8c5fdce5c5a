"""Delivery as Dagster runs it: when something is due, and green whatever a channel does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from dagster_project.defs.recurring.sensors import deliver_notifications, deliver_when_due
from dagster_project.lib.resources import Ledger
from postgres.common.enums import DeliveryStatus, NotificationType
from postgres.common.models import Notification, NotificationDelivery
from postgres.common.operations import notification_channels, notifications
from tests.conftest import World
from tests.dagster_project.support import checks, everything, execute
from tests.ingestion.receiver import PASSWORD, Receiver, receiving

DELIVERIES = "common/notification_deliveries"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def add_channel(world: World, address: str) -> None:
    with world.sessions.begin() as session:
        notification_channels.create_channel(
            session,
            world.user_id,
            name="phone",
            address=SecretStr(address),
            box=world.run().secrets,
        )


def tell(world: World, key: str = "one") -> None:
    with world.sessions.begin() as session:
        notifications.notify(
            session, world.user_id, NotificationType.SYNC_FAILED, key, f"about {key}"
        )


def evaluate(instance: dg.DagsterInstance) -> Any:
    with dg.build_sensor_context(instance=instance, resources={"ledger": Ledger()}) as context:
        return deliver_when_due(context)


def test_a_run_is_asked_for_when_something_is_due_and_none_is_under_way(
    world: World, instance: dg.DagsterInstance, defs: dg.Definitions
) -> None:
    tell(world)
    assert isinstance(evaluate(instance), dg.SkipReason)  # no channel yet

    add_channel(world, f"json://ann:{PASSWORD}@127.0.0.1:1/")
    tell(world, "two")
    assert isinstance(evaluate(instance), dg.RunRequest)

    job = defs.resolve_job_def(deliver_notifications.name)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert isinstance(evaluate(instance), dg.SkipReason)


def test_what_is_due_is_sent_and_reported(
    world: World, instance: dg.DagsterInstance, defs: dg.Definitions, receiver: Receiver
) -> None:
    add_channel(world, receiver.address("phone"))
    tell(world)

    result = execute(defs, instance, deliver_notifications.name)

    assert result.success
    assert [message.text for message in receiver.messages] == ["about one"]
    assert checks(result)[f"{DELIVERIES}:every_account_completed"].passed
    (event,) = result.asset_materializations_for_node("common__notification_deliveries")
    assert event.metadata["updated"].value == 1


def test_a_run_is_green_though_a_channel_fails_and_says_which_and_why(
    world: World, instance: dg.DagsterInstance, defs: dg.Definitions, receiver: Receiver
) -> None:
    receiver.answer = lambda _path: 500
    add_channel(world, receiver.address("phone"))
    tell(world)

    result = execute(defs, instance, deliver_notifications.name)

    assert result.success
    check = checks(result)[f"{DELIVERIES}:every_account_completed"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    said = everything(instance, result.run_id)
    assert "the service answered 500" in said
    assert PASSWORD not in said
    with world.sessions() as session:
        (row,) = session.scalars(sa.select(NotificationDelivery))
    assert (row.status, row.attempts) == (DeliveryStatus.PENDING, 1)


def test_notifications_of_more_than_a_year_ago_are_removed(
    world: World, instance: dg.DagsterInstance, defs: dg.Definitions
) -> None:
    tell(world, "old")
    tell(world, "young")
    year = dt.timedelta(days=366)
    with world.sessions.begin() as session:
        session.execute(
            sa.update(Notification)
            .where(Notification.dedup_key == "old")
            .values(created_at=Notification.created_at - year)
        )

    assert execute(defs, instance, "prune_notifications").success

    with world.sessions() as session:
        left = notifications.list_notifications(session, world.user_id).items
    assert [row.dedup_key for row in left] == ["young"]
