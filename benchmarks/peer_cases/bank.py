"""GoCardless cases: what the ledger, or the client, makes of each kind."""

from __future__ import annotations

import copy
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from benchmarks.peer_cases.cases import Case
from benchmarks.peer_cases.provider import ACCOUNT, account, bank
from benchmarks.peer_cases.world import World
from postgres.common.models import AccountLink, Institution, Transaction
from postgres.common.operations import balance_snapshots, balances
from postgres.gocardless.models import BankAccount
from postgres.gocardless.models import Transaction as RawTransaction
from providers.gocardless import banks
from providers.gocardless.details import read_details
from providers.gocardless.rows import read_account

Facts = dict[str, Any]


def _transactions(world: World, case: Case) -> None:
    """Pull every answer of a case in turn into one account."""
    pulls = case.pulls()
    bank(world.script, case.institution_id, [account(_currency(case, pulls))])
    world.link_bank(case.institution_id)
    for answer in pulls:
        world.script.on("GET", f"/accounts/{ACCOUNT}/transactions/", answer)
        world.script.on("GET", f"/accounts/{ACCOUNT}/balances/", {"balances": case.balances()})
        world.sync_bank()


def rows(world: World, case: Case) -> Facts:
    """Say what became of the rows, and of the first of them in detail."""
    _transactions(world, case)
    live, aside = world.rows(), world.set_aside()
    facts: Facts = {
        "ledger_rows": len(live),
        "booked_rows": sum(row.status == "booked" for row in live),
        "set_aside": len(aside),
        "skip": not live and bool(aside),
        "lost": not live and not aside,
        "crash": world.crashed(),
        "updates": _updates(world),
    }
    for fact, field in ((f, case.expected[f]) for f in case.expected if f.startswith("identity_")):
        facts[fact] = (
            field if _is_identity(world, case, field) is (fact == "identity_from") else None
        )
    return facts | (_row(world, case, live[0]) if live else {})


def _row(world: World, case: Case, row: Transaction) -> Facts:
    profile = banks.profile(case.institution_id)
    raw = world.all(sa.select(RawTransaction).where(RawTransaction.id == row.raw_id))[0]
    details = read_details(raw.payload, profile=profile)
    said = (row.description, row.counterparty_name)
    return {
        "amount": row.amount,
        "currency": row.currency,
        "booking_date": row.booking_date and row.booking_date.isoformat(),
        "date": row.sort_date.isoformat(),
        "booked": row.status == "booked",
        "payee": row.counterparty_name,
        "notes": row.description or "",
        "notes_or_payee": " ".join(
            text for text in (*said, details.ultimate_creditor, details.ultimate_debtor) if text
        ),
        "counterparty_account": row.counterparty_account,
        "balance_after": row.balance_after,
        "mandate_id": details.mandate_id,
        "merchant_category_code": details.merchant_category_code,
        "card_scheme": details.card_scheme,
        "fx_rate": details.exchange.rate,
        "fx_source": details.exchange.source,
        "fx_target": details.exchange.target,
        "fx_unit": details.exchange.unit,
        "fx_amount": details.exchange.instructed or (details.foreign and details.foreign[0]),
        "fx_currency": details.exchange.instructed_currency
        or (details.foreign and details.foreign[1]),
    }


def _updates(world: World) -> int:
    """Count the ledger rows that the last pull changed."""
    last = [o for table, o in world.outcomes if table == "common.transactions"][-1:]
    return sum(outcome.counts.updated for outcome in last)


def _is_identity(world: World, case: Case, field: str) -> bool:
    """Tell whether another value in a field makes another row of one that is pulled again."""
    before = len(world.rows())
    answer = copy.deepcopy(case.pulls()[-1])
    for row in (*answer["transactions"]["booked"], *(answer["transactions"].get("pending") or [])):
        row[field] = f"{row.get(field)}-again"
    seen = case.pulls()[-1]["transactions"]
    for name in ("booked", "pending"):
        # A booked row stays in the answer; a pending one comes under its new id alone.
        if name == "booked":
            answer["transactions"][name] = [*seen[name], *answer["transactions"][name]]
    world.script.on("GET", f"/accounts/{ACCOUNT}/transactions/", answer)
    world.sync_bank()
    return len(world.rows()) > before


def merchant_group(world: World, case: Case) -> Facts:
    """Say whether all texts are one merchant's."""
    texts = case.payload["descriptions"]
    booked = [
        {
            "transactionId": f"text-{place}",
            "bookingDate": case.as_of.isoformat(),
            "transactionAmount": {"amount": f"-{place + 1}.00", "currency": "EUR"},
            "remittanceInformationUnstructured": text,
        }
        for place, text in enumerate(texts)
    ]
    _pull_booked(world, case, booked)
    merchants = {row.merchant_id for row in world.rows()}
    return {"same_merchant": len(world.rows()) == len(texts) and len(merchants) == 1}


def ordering(world: World, case: Case) -> Facts:
    """Say which rows stand under which day, the newest first."""
    booked = case.pulls()[0]["transactions"]["booked"]
    _pull_booked(world, case, [{**row, "place": place} for place, row in enumerate(booked)])
    places = {raw.id: raw.payload["place"] for raw in world.all(sa.select(RawTransaction))}
    days: dict[dt.date, list[int]] = {}
    for row in world.rows():
        days.setdefault(row.sort_date, []).append(places[row.raw_id])
    return {"row_count": len(world.rows()), "days_newest_first": list(days.values())}


def _pull_booked(world: World, case: Case, booked: list[Any]) -> None:
    bank(world.script, case.institution_id, [account()])
    answer = {"transactions": {"booked": booked, "pending": []}}
    world.script.on("GET", f"/accounts/{ACCOUNT}/transactions/", answer)
    world.link_bank(case.institution_id)
    world.sync_bank()


def account_balances(world: World, case: Case) -> Facts:
    """Say what the account had, has and can spend."""
    _transactions(world, case)
    known = world.account()
    with world.sessions() as session:
        reported = balances.reconcile(session)[0].reported
        newest = balance_snapshots.list_latest_snapshots(session, world.user_id)
    available = [s for s in newest if s.balance_type.lower() in banks.AVAILABLE_BALANCES]
    booked = [s for s in newest if s.is_booked and s.amount == reported]
    return {
        "booked_balance": reported,
        "available_balance": available[0].amount if available else None,
        "balance_date": next((str(s.reference_date) for s in booked if s.reference_date), None),
        "currency": newest[0].currency if newest else None,
        "starting_balance": known and known.opening_balance,
        "crash": world.crashed(),
    }


def card_balance(world: World, case: Case) -> Facts:
    """Say what is owed on a card: the booked balance, turned round."""
    facts = account_balances(world, case)
    booked = facts["booked_balance"]
    return {"owed": None if booked is None else -booked}


def accounts(world: World, case: Case) -> Facts:
    """Say what is known of the accounts of a consent."""
    listed = _accounts(case.payload)
    ids = {as_uuid(str(metadata["id"])): str(metadata["id"]) for metadata, _ in listed}
    bank(
        world.script,
        case.institution_id,
        [(as_uuid(str(metadata["id"])), metadata, details) for metadata, details in listed],
    )
    world.link_bank(case.institution_id)
    world.sync_bank()
    raw = world.all(sa.select(BankAccount).order_by(BankAccount.first_seen_at, BankAccount.id))
    facts: Facts = {
        "accounts": sorted(ids[str(row.provider_account_id)] for row in raw),
        "accounts_to_pull": sorted(ids[str(row.provider_account_id)] for row in raw),
        "currencies": [row.currency for row in sorted(raw, key=lambda r: ids[id_of(r)])],
    }
    if len(raw) == 1:
        row, read = raw[0], read_account(raw[0].payload)
        links = world.all(sa.select(AccountLink))
        facts |= {
            "account_id": ids[id_of(row)] if links else None,
            "iban": row.iban,
            "currency": row.currency,
            "name": row.name,
            "last4": row.account_number[-4:],
            "product": read.product,
            "holder": read.holder,
            "account_kind": read.kind and read.kind.value,
            "institution_id": _institution(world),
        }
    return facts


def _institution(world: World) -> str | None:
    """Return the bank that the ledger's account is at."""
    known = world.account()
    query = sa.select(Institution).where(Institution.id == (known and known.institution_id))
    return next((found.provider_institution_id for found in world.all(query)), None)


def requisition(world: World, case: Case) -> Facts:
    """Say which accounts a requisition leads to."""
    given = case.payload.get("requisition", case.payload)
    listed = [str(account) for account in given.get("accounts") or []]
    ids = {as_uuid(account): account for account in listed}
    details = {"currency": "EUR"}
    found = [(key, {"id": key, "status": "READY"}, details) for key in ids]
    bank(world.script, case.institution_id, found)
    world.link_bank(case.institution_id)
    state = {
        "reference": "case",
        "link": "http://127.0.0.1/",
        **given,
        "id": "00000000-0000-4000-8000-000000000002",
        "institution_id": case.institution_id,
        "agreement": "00000000-0000-4000-8000-000000000001",
        "accounts": list(ids),
    }
    world.script.on("GET", r"/requisitions/[^/]+/", state)
    world.sync_bank()
    pulled = [ids[id_of(row)] for row in world.all(sa.select(BankAccount))]
    return {"accounts_to_pull": sorted(pulled), "accounts": sorted(pulled)}


def pagination(world: World, case: Case) -> Facts:
    """Say how far the pages of an answer are followed, and what came of them."""
    pages = list(case.payload["pages"])
    bank(world.script, case.institution_id, [account()])
    path = f"/accounts/{ACCOUNT}/transactions/"
    world.script.on("GET", path, *pages)
    world.link_bank(case.institution_id)
    world.sync_bank()
    raw = world.all(sa.select(RawTransaction))
    read = world.all(sa.select(BankAccount))[0]
    return {
        "booked_count": sum(not row.is_pending for row in raw),
        "pending_count": sum(row.is_pending for row in raw),
        "distinct_rows": len(raw),
        "requests": world.script.count(path),
        "terminates": True,
        "watermark_moves": read.transactions_through is not None,
    }


def _currency(case: Case, pulls: list[dict[str, Any]]) -> str:
    """Return the currency that a case's account must have: its balance's, else its rows'."""
    rows = [
        row
        for answer in pulls
        for name in ("booked", "pending")
        for row in answer["transactions"].get(name) or []
    ]
    money = [entry.get("balanceAmount") for entry in case.balances() if isinstance(entry, dict)]
    money += [row.get("transactionAmount") for row in rows if isinstance(row, dict)]
    codes = [m["currency"] for m in money if isinstance(m, dict) and m.get("currency")]
    return str(codes[0]) if codes else "EUR"


def _accounts(payload: Any) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return metadata and details of the accounts in whatever shape a case has them."""
    if "accounts" in payload:
        return [pair for one in payload["accounts"] for pair in _accounts(one)]
    metadata = payload.get("metadata") or payload
    details = payload.get("details", {}).get("account") if "metadata" in payload else None
    details = details or payload.get("account") or payload
    if not isinstance(metadata, dict) or "id" not in metadata:
        metadata = {"id": ACCOUNT, "status": "READY", "institution_id": None}
    return [(metadata, {"currency": "EUR", **details})]


def as_uuid(name: str) -> str:
    """Return an id as GoCardless has them; the cases have shorter ones."""
    try:
        return str(uuid.UUID(name))
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


def id_of(row: BankAccount) -> str:
    """Return GoCardless's id of an account."""
    return str(row.provider_account_id)


KINDS: dict[str, Callable[[World, Case], Facts]] = {
    "transaction": rows,
    "payee_text": rows,
    "identity": rows,
    "merchant_group": merchant_group,
    "ordering": ordering,
    "balances": account_balances,
    "card_balance": card_balance,
    "accounts": accounts,
    "requisition": requisition,
    "pagination": pagination,
}
