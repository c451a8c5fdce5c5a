"""What holds of every operation, whoever writes the next one."""

from __future__ import annotations

import ast
import importlib
import inspect
import typing
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from postgres.common.enums import TransferStatus
from postgres.common.models import Transfer
from postgres.models import metadata
from postgres.paging import Page
from tests.postgres.household import Household, make_household
from tests.test_architecture import dotted

ROOT = Path(__file__).resolve().parent.parent.parent

# What belongs to an entity without a module of its own stands behind it.
ENTITIES = {
    "common": (
        "institutions",
        "connections",
        "accounts",
        "account_links",
        "transactions",
        "balance_snapshots",
        "holdings",
        "trades",
        "disposals",
        "merchants",  # and merchant_aliases
        "transfers",
        "tags",
        "tag_rules",
        "transaction_splits",
        "recurring_patterns",
        "recurring_pattern_transactions",
        "budgets",
        "goals",
        "goal_contributions",
        "planned_transactions",
        "financial_milestones",
        "manual_assets",  # and manual_asset_values
        "notifications",
        "jobs",
        "deferrals",
        "fx_rates",
        "quarantine",
        "audit_log",
    ),
    "gocardless": (
        "institutions",
        "agreements",
        "reconfirmations",
        "requisitions",
        "bank_accounts",
        "balances",
        "transactions",
        "answers",
        "rate_limits",
    ),
    "trading212": (
        "api_keys",
        "account_summaries",
        "positions",
        "instruments",
        "orders",
        "dividends",
        "cash_transactions",
        "history_reads",
        "exchanges",
        "pending_orders",
        "pies",
        "exports",
        "export_rows",
        "former_ids",
    ),
    "telegram": ("polling_cursors",),
}

# Ask no database: they say something of what the caller holds.
WITHOUT_SESSION = {
    "common.accounts.account_label",
    "common.manual_assets.loan_terms",
    "common.notification_channels.address_of",
    "common.planned_transactions.due_days",
    "telegram.polling_cursors.next_offset",
    "trading212.api_keys.credentials",
}

# Have transactions of their own: what they count and revoke must stay though the caller's fails.
WITH_SESSIONS = {
    "auth.refresh_tokens.rotate_token",
    "auth.users.authenticate",
    "auth.users.change_password",
}

EVERYBODY = "for all users at once: a sync, a run over the marts or a nightly check"
SOME_OR_ALL = "for one user or, where none is given, for all of them"
HELD = "of a row or user that the caller has been given"
NOBODYS = "of what is no user's"
WITHOUT_USER = {
    "auth.refresh_tokens.purge_expired": EVERYBODY,
    "auth.users.create_user": "there is no user yet",
    "auth.users.get_user_by_name": "before it is known who asks",
    "auth.users.list_users": EVERYBODY,
    "common.accounts.list_account_totals": SOME_OR_ALL,
    "common.balance_snapshots.append_snapshots": EVERYBODY,
    "common.balances.reconcile": SOME_OR_ALL,
    "common.balances.warn_of_low_balances": EVERYBODY,
    "common.budgets.check_budgets": EVERYBODY,
    "common.connections.list_consents": EVERYBODY,
    "common.connections.list_with_institutions": SOME_OR_ALL,
    "common.deferrals.list_due": EVERYBODY,
    "common.deferrals.record_work": EVERYBODY,
    "common.financial_milestones.evaluate_milestones": EVERYBODY,
    "common.goals.evaluate_goals": EVERYBODY,
    "common.jobs.record_steps": EVERYBODY,
    "common.jobs.jobs_of_run": EVERYBODY,
    "common.jobs.was_step_done": EVERYBODY,
    "common.jobs.start_analytics": NOBODYS,
    "common.jobs.finish_analytics": NOBODYS,
    "common.jobs.last_analytics": NOBODYS,
    "common.manual_assets.renew_plans": EVERYBODY,
    "common.merchants.normalise": NOBODYS,
    "common.notification_deliveries.claim_delivery": EVERYBODY,
    "common.notification_deliveries.is_any_due": EVERYBODY,
    "common.notification_deliveries.mark_sent": HELD,
    "common.notification_deliveries.mark_failed": HELD,
    "common.notifications.notify_all": EVERYBODY,
    "common.notifications.warn_of_consent_expiry": EVERYBODY,
    "common.notifications.purge_notifications": EVERYBODY,
    "common.planned_transactions.match_planned": EVERYBODY,
    "common.quarantine.count_quarantine": SOME_OR_ALL,
    "common.recurring_detection.record_detected": EVERYBODY,
    "common.recurring_events.announce_duplicates": EVERYBODY,
    "common.recurring_events.announce_ended": EVERYBODY,
    "common.recurring_events.announce_missed_payments": EVERYBODY,
    "common.recurring_events.announce_patterns": EVERYBODY,
    "common.recurring_events.announce_price_changes": EVERYBODY,
    "common.recurring_pattern_transactions.match_patterns": EVERYBODY,
    "common.sync_events.announce_syncs": EVERYBODY,
    "common.tag_rules.list_due_users": EVERYBODY,
    "common.transfers.list_users_to_match": EVERYBODY,
    "gocardless.rate_limits.list_of_accounts": EVERYBODY,
    "gocardless.reconfirmations.list_of_agreements": EVERYBODY,
    "gocardless.requisitions.assign_connections": EVERYBODY,
    "gocardless.requisitions.list_all_requisitions": EVERYBODY,
}


# The column that holds the key, where it is not the id of a row of the module's table.
KEYS = {
    "common.merchants.get_alias": ("common.merchant_aliases", "id"),
    "common.recurring_pattern_transactions.get_link": (
        "common.recurring_pattern_transactions",
        "transaction_id",
    ),
    "common.transfers.get_transfer_of": ("common.transfers", "outgoing_id"),
}


def name_of(file: Path) -> str:
    """``common.tags`` for ``postgres/common/operations/tags.py``."""
    return f"{file.parent.parent.name}.{file.stem}"


FILES = {name_of(file): file for file in sorted(ROOT.glob("postgres/*/operations/[!_]*.py"))}


def module_of(name: str) -> ModuleType:
    domain, _, entity = name.partition(".")
    return importlib.import_module(f"postgres.{domain}.operations.{entity}")


def operations() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every public function of every module, with ``domain.module.function`` as its name."""
    for name in FILES:
        module = module_of(name)
        for function_name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not function_name.startswith("_"):
                yield f"{name}.{function_name}", function


def has_owner(name: str) -> bool:
    """Tell whether the rows of a module are users'; one without a table of its name has some."""
    table = metadata.tables.get(name)
    return table is None or table.fullname == "auth.users" or "user_id" in table.c


def first_parameters(function: Callable[..., Any]) -> list[tuple[str, str]]:
    """Name and annotation of what is given by position."""
    return [
        (parameter.name, str(parameter.annotation))
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]


SESSION, SESSIONS = ("session", "Session"), ("sessions", "sessionmaker[Session]")
USER = ("user_id", "uuid.UUID")


def test_every_entity_has_its_module() -> None:
    wanted = {f"{domain}.{entity}" for domain, names in ENTITIES.items() for entity in names}

    assert wanted - set(FILES) == set()
    # A table that a provider gets is an entity too.
    assert {
        name for name in metadata.tables if not name.startswith(("auth.", "common."))
    } - wanted == set()


@pytest.mark.parametrize(
    "name", [f"{domain}.{entity}" for domain, names in ENTITIES.items() for entity in names]
)
def test_every_entity_is_got_by_its_key_and_listed_in_pages(name: str) -> None:
    functions = {
        function_name.rpartition(".")[2]: function
        for function_name, function in operations()
        if function_name.startswith(f"{name}.")
    }
    returned = {
        verb: typing.get_type_hints(function)["return"] for verb, function in functions.items()
    }

    assert [verb for verb in returned if verb.startswith("get_")]
    assert [
        verb
        for verb, kind in returned.items()
        if verb.startswith("list_") and typing.get_origin(kind) is Page
    ]


def test_the_session_comes_first() -> None:
    otherwise = {
        name for name, function in operations() if first_parameters(function)[:1] != [SESSION]
    }
    with_sessions = {
        name for name, function in operations() if first_parameters(function)[:1] == [SESSIONS]
    }

    assert otherwise == WITHOUT_SESSION | WITH_SESSIONS
    assert with_sessions == WITH_SESSIONS


def test_the_user_comes_next_where_a_row_has_one() -> None:
    strangers = {
        name
        for name, function in operations()
        if has_owner(name.rpartition(".")[0])
        and first_parameters(function)[:1] == [SESSION]
        and first_parameters(function)[1:2] != [USER]
    }

    assert strangers == set(WITHOUT_USER)


def test_no_operation_ends_the_transaction_of_its_caller() -> None:
    # A savepoint is the operation's own.
    ended = [
        f"{name}:{node.lineno}"
        for name, file in FILES.items()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "rollback"}
        and dotted(node.func) != "savepoint.rollback"
    ]

    assert ended == []


def test_every_operation_says_what_it_does() -> None:
    assert [name for name, function in operations() if not function.__doc__] == []
    assert [name for name in FILES if not module_of(name).__doc__] == []


@pytest.fixture
def ann(session: Session) -> Household:
    """A user with rows in every table, as another one has them."""
    make_household(session)
    household = make_household(session)
    # One that is only proposed is nobody's yet.
    session.execute(sa.update(Transfer).values(status=TransferStatus.LINKED))
    return household


def owned_entities() -> set[str]:
    names = {f"{domain}.{entity}" for domain, entities in ENTITIES.items() for entity in entities}
    return {name for name in names if has_owner(name)}


def required(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]


def test_lists_hold_what_is_the_users_own(session: Session, ann: Household) -> None:
    checked = set()
    for name, function in operations():
        is_list = typing.get_origin(typing.get_type_hints(function).get("return")) is Page
        if not is_list or required(function) != ["session", "user_id"]:
            continue
        owners = {row.user_id for row in function(session, ann.user_id).items}
        assert owners <= {ann.user_id}, name
        assert function(session, uuid.uuid4()).items == [], name
        if owners:
            checked.add(name.rpartition(".")[0])

    assert owned_entities() - checked == set()


def test_what_is_got_by_its_key_is_the_users_own(session: Session, ann: Household) -> None:
    checked = set()
    for name, function in operations():
        module, _, verb = name.rpartition(".")
        asked = required(function)
        if module not in owned_entities() or not verb.startswith("get_"):
            continue
        if len(asked) != 3 or not asked[-1].endswith("_id"):
            continue
        table_name, column = KEYS.get(name, (module, "id"))
        table = metadata.tables[table_name]
        key = session.scalars(
            sa.select(table.c[column]).where(table.c.user_id == ann.user_id)
        ).first()
        assert function(session, ann.user_id, key) is not None, name
        assert function(session, uuid.uuid4(), key) is None, name
        checked.add(module)

    assert owned_entities() - checked == set()
