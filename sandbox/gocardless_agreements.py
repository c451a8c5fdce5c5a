"""GoCardless Bank Account Data v2: end-user agreements and their reconfirmation."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import iso_micros
from sandbox.consent_rules import ConsentRules
from sandbox.core import base_url, core_of
from sandbox.gocardless_requests import (
    Fields,
    bad_redirect,
    error,
    field_error,
    institution,
    is_uri,
    lookup,
    not_found,
    page,
    read_body,
    with_token,
)
from sandbox.institutions import SCOPES, Institution
from sandbox.state import RECONFIRMATION_WINDOW, Agreement
from sandbox.wire import ApiError, answer

AGREEMENT_FIELDS = frozenset(
    (
        "institution_id", "max_historical_days", "access_valid_for_days", "access_scope",
        "reconfirmation",
    )
)  # fmt: skip


@with_token("lists")
async def agreements(request: Request) -> Response:
    """List the agreements, newest first."""
    core = core_of(request)
    rows = [agreement_body(row) for row in reversed(core.state.agreements.values())]
    return page(request, rows)


@with_token("posts")
async def agreement_create(request: Request) -> Response:
    """Make an agreement within the limits of the bank."""
    core = core_of(request)
    fields = await read_body(request, AGREEMENT_FIELDS)
    fields.require("institution_id")
    bank = institution(fields)
    scope = fields.items("access_scope", list(SCOPES))
    for unknown in (each for each in scope if each not in SCOPES):
        summary = f"Unknown value '{unknown}' in access_scope"
        detail = f"Choose one or several from {list(SCOPES)}"
        raise field_error(400, "access_scope", summary, detail, as_list=True)
    if not scope:
        summary = "Field 'access_scope' may not be an empty list."
        detail = f"Please choose one or several of {list(SCOPES)}."
        raise field_error(400, "access_scope", summary, detail, as_list=True)
    _check_scopes(core.consents.at(bank.id), scope)
    history = fields.integer("max_historical_days", min(90, bank.total_days))
    if not 0 < history <= bank.total_days:
        detail = (
            "max_historical_days must be > 0 and <= "
            f"{bank.id} transaction_total_days ({bank.total_days})"
        )
        raise field_error(
            400, "max_historical_days", "Incorrect max_historical_days", detail, as_list=True
        )
    reconfirmation = fields.boolean("reconfirmation")
    if reconfirmation and not core.consents.at(bank.id).may_reconfirm:
        raise error(403, "", "You do not have permission to enable reconfirmation.")
    agreement = Agreement(
        id=str(uuid.uuid4()),
        created=core.now(),
        institution_id=bank.id,
        max_historical_days=history,
        access_valid_for_days=_valid_days(fields, bank, reconfirmation=reconfirmation),
        access_scope=scope,
        reconfirmation=reconfirmation,
    )
    core.state.agreements[agreement.id] = agreement
    core.state.save()
    return answer(agreement_body(agreement), 201)


def _check_scopes(rules: ConsentRules, scope: list[str]) -> None:
    unsupported = [each for each in scope if each not in rules.scopes]
    if unsupported:
        detail = (
            f"The access scopes supported by the institution are {list(rules.scopes)}. "
            f"The following scopes are not supported: {unsupported}"
        )
        raise field_error(
            400, "access_scope", "Unsupported access scope selected.", detail, as_list=True
        )
    summary = "Institution access scope dependencies error"
    if set(rules.together) & set(scope) and not set(rules.together) <= set(scope):
        detail = (
            "For this institution the following scopes are required together: "
            f"{list(rules.together)}"
        )
        raise field_error(400, "access_scope", summary, detail, as_list=True)
    if not set(rules.mandatory) <= set(scope):
        detail = f"The following scopes are mandatory for this institution: {list(rules.mandatory)}"
        raise field_error(400, "access_scope", summary, detail, as_list=True)


def _valid_days(fields: Fields, bank: Institution, *, reconfirmation: bool) -> int:
    days = fields.integer("access_valid_for_days", 90)
    if reconfirmation and not bank.asks_reconfirmation:
        raise field_error(
            400,
            "reconfirmation",
            "Reconfirmation not supported",
            f"Reconfirmation not supported for {bank.id}",
        )
    if reconfirmation and days <= 90:
        raise field_error(
            400,
            "reconfirmation",
            "Reconfirmation is not allowed",
            "Reconfirmation is not allowed when access_valid_for_days <= 90 days.",
        )
    most = (bank.reconfirmed_days if reconfirmation else None) or bank.valid_days
    if not 0 < days <= most:
        detail = f"access_valid_for_days must be > 0 and <= {most}"
        raise field_error(
            400, "access_valid_for_days", "Incorrect access_valid_for_days", detail, as_list=True
        )
    return days


@with_token("lists")
async def agreement_get(request: Request) -> Response:
    """Return one agreement."""
    return answer(agreement_body(lookup(request, core_of(request).state.agreements)))


@with_token("deletes")
async def agreement_delete(request: Request) -> Response:
    """Delete an accepted agreement."""
    core = core_of(request)
    agreement = lookup(request, core.state.agreements)
    if agreement.accepted is None:
        raise _not_accepted(agreement)
    del core.state.agreements[agreement.id]
    core.state.save()
    detail = f"End User Agreement {agreement.id} deleted"
    return answer({"summary": "End User Agreement deleted", "detail": detail})


@with_token("puts")
async def agreement_accept(request: Request) -> Response:
    """Refuse, as for nearly every company: the hosted page is the way to accept."""
    agreement = lookup(request, core_of(request).state.agreements)
    fields = await read_body(request, frozenset(("user_agent", "ip_address")))
    fields.require("user_agent", "ip_address")
    if agreement.accepted is not None:
        raise error(
            405,
            "EUA cannot be accepted more than once",
            "End User Agreements cannot be accepted more than once",
        )
    raise error(
        403,
        "Insufficient permissions",
        "Your company doesn't have permission to accept EUA. You'll have to use our default form "
        "for this action.",
    )


@with_token("lists")
async def reconfirmation_get(request: Request) -> Response:
    """Return how the reconfirmation of an agreement stands."""
    agreement = _reconfirmed(request)
    if agreement.reconfirmation_asked is None:
        raise not_found()
    return answer(_reconfirmation_body(request, agreement))


@with_token("posts")
async def reconfirmation_create(request: Request) -> Response:
    """Ask the user to confirm the consent once more."""
    core = core_of(request)
    agreement = _reconfirmed(request)
    fields = await read_body(request, frozenset(("redirect",)))
    redirect = fields.get("redirect")
    if redirect is not None and not is_uri(redirect):
        raise bad_redirect()
    if agreement.reconfirm_by is None:
        raise _not_accepted(agreement)
    if not core.accounts_of(agreement):
        requisition = next(
            (row.id for row in core.state.requisitions.values() if row.agreement == agreement.id),
            "",
        )
        detail = f"For associated requisition '{requisition}', there are no accounts linked."
        raise error(400, "No accounts linked.", detail)
    last = agreement.reconfirm_by + RECONFIRMATION_WINDOW
    if core.now() > last:
        raise error(
            400,
            "Reconfirmation requested after acceptance period.",
            f"For EUA '{agreement.id}' reconfirmation period was until "
            f"{last:%Y-%m-%d %H:%M:%S.%f}.",
        )
    if agreement.expires is not None and agreement.expires <= agreement.reconfirm_by:
        raise error(
            400,
            "No accounts left to reconfirm.",
            f"For EUA '{agreement.id}' with access valid for {agreement.access_valid_for_days} "
            "days there are no accounts left to reconfirm after "
            f"{agreement.expires:%Y-%m-%d %H:%M:%S.%f}.",
        )
    agreement.reconfirmation_asked = core.now()
    agreement.reconfirmation_mark = agreement.reconfirm_by
    agreement.reconfirmation_redirect = redirect
    core.state.save()
    return answer(_reconfirmation_body(request, agreement), 201)


def _reconfirmed(request: Request) -> Agreement:
    agreement = lookup(request, core_of(request).state.agreements)
    if not agreement.reconfirmation:
        raise error(
            400,
            "Reconfirmation is not enabled.",
            f"Reconfirmation is not enabled for agreement '{agreement.id}'.",
        )
    return agreement


def _reconfirmation_body(request: Request, agreement: Agreement) -> dict[str, Any]:
    core = core_of(request)
    asked, accepted = agreement.reconfirmation_asked, agreement.accepted
    if asked is None or accepted is None:
        raise not_found()
    mark = agreement.reconfirmation_mark or accepted

    def since(at: dt.datetime | None) -> str | None:
        return iso_micros(at) if at is not None and at >= asked else None

    done, rejected = since(agreement.reconfirmed), since(agreement.rejected)
    return {
        "reconfirmation_url": f"{base_url(request)}/consent/reconfirm/{agreement.id}/",
        "created": iso_micros(asked),
        "url_valid_from": iso_micros(mark - RECONFIRMATION_WINDOW),
        "url_valid_to": iso_micros(mark + RECONFIRMATION_WINDOW),
        "redirect": agreement.reconfirmation_redirect,
        "last_accessed": None,
        "last_submitted": done or rejected,
        "accounts": {
            account: {"reconfirmed": done, "rejected": None if done else rejected}
            for account in core.accounts_of(agreement)
        },
    }


def agreement_body(agreement: Agreement) -> dict[str, Any]:
    """Return an agreement as the API shows it."""
    return {
        "id": agreement.id,
        "created": iso_micros(agreement.created),
        "institution_id": agreement.institution_id,
        "max_historical_days": agreement.max_historical_days,
        "access_valid_for_days": agreement.access_valid_for_days,
        "access_scope": agreement.access_scope,
        "accepted": iso_micros(agreement.accepted) if agreement.accepted else None,
        "reconfirmation": agreement.reconfirmation,
    }


def _not_accepted(agreement: Agreement) -> ApiError:
    return error(
        400,
        "End user agreement needs to be accepted.",
        f"EUA '{agreement.id}' is not accepted.",
    )


ROUTES = [
    Route("/agreements/enduser/", agreements),
    Route("/agreements/enduser/", agreement_create, methods=["POST"]),
    Route("/agreements/enduser/{id}/", agreement_get),
    Route("/agreements/enduser/{id}/", agreement_delete, methods=["DELETE"]),
    Route("/agreements/enduser/{id}/accept/", agreement_accept, methods=["PUT"]),
    Route("/agreements/enduser/{id}/reconfirm/", reconfirmation_get),
    Route("/agreements/enduser/{id}/reconfirm/", reconfirmation_create, methods=["POST"]),
]
