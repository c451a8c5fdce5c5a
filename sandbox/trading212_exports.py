"""Reports as CSV: asked for, made, and fetched through a link that carries its own permission."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.broker import CURRENCY
from sandbox.cards import card_payments
from sandbox.clock import iso_millis, parse_instant
from sandbox.core import Core, base_url, core_of
from sandbox.limits import Limit
from sandbox.trading212_wire import bad_request, key_of, problem, with_key

INCLUDED = ("includeDividends", "includeInterest", "includeOrders", "includeTransactions")
HEADINGS = (
    "Action", "Time", "ISIN", "Ticker", "Name", "Notes", "ID", "No. of shares", "Price / share",
    "Currency (Price / share)", "Exchange rate", "Result", "Currency (Result)", "Total",
    "Currency (Total)", "Withholding tax", "Currency (Withholding tax)", "Merchant name",
    "Merchant category",
)  # fmt: skip
_FIRST_ID = 7_310_020
_ACTIONS = {"DEPOSIT": "Deposit", "WITHDRAW": "Withdrawal"}


@with_key("history:transactions", Limit(1, 60))
async def exports(request: Request) -> Any:
    """List the reports that were asked for, with links to those that are made."""
    account, base = key_of(request).account_id, base_url(request).removesuffix("/demo/api/v0")
    base = base.removesuffix("/api/v0")
    return [
        {
            **{name: value for name, value in report.items() if name != "account"},
            "downloadLink": f"{base}/reports/{report['reportId']}.csv?signature="
            f"{_signature(report['reportId'])}",
        }
        for report in core_of(request).reports
        if report["account"] == account
    ]


@with_key("history:transactions", Limit(1, 30))
async def request_export(request: Request) -> Any:
    """Take the wish for a report."""
    if key_of(request).is_demo:
        raise problem(
            403, "not-available-in-demo-account", "Not available", "Not for practice accounts"
        )
    reports = core_of(request).reports
    try:
        wanted = json.loads(await request.body())
        first, last = parse_instant(wanted["timeFrom"]), parse_instant(wanted["timeTo"])
        included = {name: bool(wanted["dataIncluded"].get(name, False)) for name in INCLUDED}
    except (ValueError, TypeError, KeyError, AttributeError) as cause:
        raise bad_request(detail="a report needs dataIncluded, timeFrom and timeTo") from cause
    if last <= first or last - first > dt.timedelta(days=366):
        raise bad_request(detail="a report covers a year at most")
    report_id = _FIRST_ID + len(reports)
    reports.append(
        {
            "account": key_of(request).account_id,
            "reportId": report_id,
            "timeFrom": iso_millis(first),
            "timeTo": iso_millis(last),
            "dataIncluded": included,
            "status": "Finished",
        }
    )
    return {"reportId": report_id}


async def download(request: Request) -> Response:
    """Return a report; whoever sends a key as well as a signed link is refused, as by a store."""
    report_id = int(request.path_params["id"])
    core = core_of(request)
    report = next((each for each in core.reports if each["reportId"] == report_id), None)
    is_signed = request.query_params.get("signature") == _signature(report_id)
    if report is None or not is_signed:
        return PlainTextResponse("<Error><Code>AccessDenied</Code></Error>", 403)
    if "authorization" in request.headers:
        return PlainTextResponse("<Error><Code>InvalidArgument</Code></Error>", 400)
    return Response(_csv(core, report), media_type="text/csv")


def _signature(report_id: int) -> str:
    return hashlib.sha256(f"report/{report_id}".encode()).hexdigest()


def _csv(core: Core, report: dict[str, Any]) -> str:
    first, last = parse_instant(report["timeFrom"]), parse_instant(report["timeTo"])
    rows = sorted(_rows(core, report["dataIncluded"]), key=lambda row: row[0])
    written = io.StringIO()
    writer = csv.DictWriter(written, HEADINGS, restval="")
    writer.writeheader()
    for at, row in rows:
        if first <= at <= last:
            writer.writerow({"Time": f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03}", **row})
    return written.getvalue()


def _rows(core: Core, included: dict[str, bool]) -> Iterator[tuple[dt.datetime, dict[str, str]]]:
    now = core.now()
    money = {"Currency (Total)": CURRENCY}
    for cash in core.world.broker.cash:
        is_interest = cash.type not in _ACTIONS
        if cash.at <= now and included["includeInterest" if is_interest else "includeTransactions"]:
            action = "Interest on cash" if is_interest else _ACTIONS[cash.type]
            yield cash.at, {
                "Action": action, "ID": cash.reference, "Total": str(cash.amount), **money,
            }  # fmt: skip
    if included["includeTransactions"]:
        for paid in card_payments(core, now):
            yield (
                paid.at,
                {
                    "Action": paid.action,
                    "ID": paid.id,
                    "Total": str(paid.amount),
                    "Merchant name": paid.merchant,
                    "Merchant category": paid.category,
                    **money,
                },
            )
    for dividend in core.world.broker.dividends if included["includeDividends"] else ():
        if dividend.at <= now:
            yield (
                dividend.at,
                {
                    "Action": "Dividend (Dividend)",
                    "ISIN": dividend.instrument.isin,
                    "Ticker": dividend.instrument.short_name,
                    "Total": str(dividend.amount),
                    **money,
                },
            )
    for order, fill in core.world.broker.fills_until(now) if included["includeOrders"] else ():
        yield (
            fill.at,
            {
                "Action": f"{order.type.capitalize()} {order.side.lower()}",
                "ISIN": order.instrument.isin,
                "Ticker": order.instrument.short_name,
                "ID": f"EOF{fill.id}",
                "No. of shares": str(abs(fill.quantity)),
                "Total": str(fill.net),
                **money,
            },
        )


ROUTES = [
    Route("/equity/history/exports", exports),
    Route("/equity/history/exports", request_export, methods=["POST"]),
]
FILES = [Route("/{id:int}.csv", download)]
