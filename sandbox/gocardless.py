"""GoCardless Bank Account Data v2: tokens, institutions, agreements and requisitions.

The routes that read accounts are in ``sandbox.gocardless_accounts``.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import SECRET_ID, SECRET_KEY, tokens
from sandbox.clock import iso_micros
from sandbox.core import Core, base_url, core_of
from sandbox.gocardless_requests import (
    Fields,
    check_query,
    error,
    field_error,
    limited,
    lookup,
    not_found,
    read_body,
    with_token,
)
from sandbox.institutions import COUNTRIES, FEATURES, INSTITUTIONS, SCOPES, Institution
from sandbox.state import RECONFIRMATION_WINDOW, Agreement, Requisition
from sandbox.wire import ApiError, answer

AGREEMENT_FIELDS = frozenset(
    (
        "institution_id", "max_historical_days", "access_valid_for_days", "access_scope",
        "reconfirmation",
    )
)  # fmt: skip
REQUISITION_FIELDS = frozenset(
    (
        "redirect", "institution_id", "agreement", "reference", "user_language", "ssn",
        "account_selection", "redirect_immediate",
    )
)  # fmt: skip
LANGUAGES = frozenset(
    ["BG", "CS", "DA", "DE", "EL", "EN", "ES", "ET", "FI", "FR", "GA", "HR", "HU", "IS", "IT", "LT", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SL", "SV"]
)


# Tokens


async def token_new(request: Request) -> Response:
    """Exchange the company's secrets for a pair of tokens."""
    core = core_of(request)
    headers = limited(core, "token/new")
    fields = await read_body(request, frozenset(("secret_id", "secret_key")))
    fields.require("secret_id", "secret_key")
    if (fields.get("secret_id"), fields.get("secret_key")) != (SECRET_ID, SECRET_KEY):
        raise error(
            401, "Authentication failed", "No active account found with the given credentials"
        )
    now = core.now()
    body = {
        "access": tokens.issue("access", now),
        "access_expires": tokens.ACCESS_SECONDS,
        "refresh": tokens.issue("refresh", now),
        "refresh_expires": tokens.REFRESH_SECONDS,
    }
    return answer(body, headers=headers)


async def token_refresh(request: Request) -> Response:
    """Exchange a refresh token for an access token."""
    core = core_of(request)
    headers = limited(core, "token/refresh")
    fields = await read_body(request, frozenset(("refresh",)))
    fields.require("refresh")
    if not tokens.is_valid(str(fields.get("refresh")), "refresh", core.now()):
        raise error(401, "Invalid token", "Token is invalid or expired")
    body = {
        "access": tokens.issue("access", core.now()),
        "access_expires": tokens.ACCESS_SECONDS,
    }
    return answer(body, headers=headers)


# Institutions


@with_token("institutions")
async def institutions(request: Request) -> Response:
    """List the banks, of one country or all."""
    filters = frozenset(f"{feature}_supported" for feature in FEATURES)
    check_query(request, filters | {"country"})
    query = request.query_params
    country = query.get("country", "").upper()
    if country and country not in COUNTRIES:
        raise error(400, "Invalid country choice.", f"{query['country']} is not a valid choice.")
    wanted = [bank for bank in INSTITUTIONS.values() if not country or country in bank.countries]
    for name in filters & set(query):
        has = query[name].lower() in ("true", "1")
        feature = name.removesuffix("_supported")
        wanted = [bank for bank in wanted if (feature in bank.features) == has]
    base = base_url(request)
    return answer([bank.summary(base) for bank in wanted])


@with_token("institutions")
async def institution(request: Request) -> Response:
    """Describe one bank."""
    bank = INSTITUTIONS.get(request.path_params["id"])
    if bank is None:
        raise not_found()
    return answer(bank.detail(base_url(request)))


# Agreements


@with_token("lists")
async def agreements(request: Request) -> Response:
    """List the agreements, newest first."""
    core = core_of(request)
    rows = [agreement_body(row) for row in reversed(core.state.agreements.values())]
    return _page(request, rows)


@with_token("posts")
async def agreement_create(request: Request) -> Response:
    """Make an agreement within the limits of the bank."""
    core = core_of(request)
    fields = await read_body(request, AGREEMENT_FIELDS)
    fields.require("institution_id")
    bank = _institution(fields)
    scope = fields.items("access_scope", list(SCOPES))
    for unknown in (each for each in scope if each not in SCOPES):
        summary = f"Unknown value '{unknown}' in access_scope"
        detail = f"Choose one or several from {list(SCOPES)}"
        raise field_error("access_scope", summary, detail, as_list=True)
    if not scope:
        summary = "Field 'access_scope' may not be an empty list."
        detail = f"Please choose one or several of {list(SCOPES)}."
        raise field_error("access_scope", summary, detail, as_list=True)
    history = fields.integer("max_historical_days", min(90, bank.total_days))
    if not 0 < history <= bank.total_days:
        detail = (
            "max_historical_days must be > 0 and <= "
            f"{bank.id} transaction_total_days ({bank.total_days})"
        )
        raise field_error(
            "max_historical_days", "Incorrect max_historical_days", detail, as_list=True
        )
    reconfirmation = fields.boolean("reconfirmation")
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


def _valid_days(fields: Fields, bank: Institution, *, reconfirmation: bool) -> int:
    days = fields.integer("access_valid_for_days", 90)
    if reconfirmation and not bank.asks_reconfirmation:
        raise field_error(
            "reconfirmation",
            "Reconfirmation not supported",
            f"Reconfirmation not supported for {bank.id}",
        )
    if reconfirmation and days <= 90:
        raise field_error(
            "reconfirmation",
            "Reconfirmation is not allowed",
            "Reconfirmation is not allowed when access_valid_for_days <= 90 days.",
        )
    most = (bank.reconfirmed_days if reconfirmation else None) or bank.valid_days
    if not 0 < days <= most:
        detail = f"access_valid_for_days must be > 0 and <= {most}"
        raise field_error(
            "access_valid_for_days", "Incorrect access_valid_for_days", detail, as_list=True
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
    if redirect is not None and not _is_uri(redirect):
        raise _bad_redirect()
    if agreement.reconfirm_by is None:
        raise _not_accepted(agreement)
    if not _accounts_of(core, agreement):
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
            f"For EUA '{agreement.id}' reconfirmation period was until {last:%Y-%m-%d %H:%M:%S.%f}.",
        )
    agreement.reconfirmation_asked = core.now()
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
    done = agreement.reconfirmed
    mark = agreement.reconfirm_by or accepted
    return {
        "reconfirmation_url": f"{base_url(request)}/consent/reconfirm/{agreement.id}/",
        "created": iso_micros(asked),
        "url_valid_from": iso_micros(mark - RECONFIRMATION_WINDOW),
        "url_valid_to": iso_micros(mark + RECONFIRMATION_WINDOW),
        "redirect": agreement.reconfirmation_redirect,
        "last_accessed": None,
        "last_submitted": iso_micros(done) if done else None,
        "accounts": {
            account: {"reconfirmed": iso_micros(done) if done else None, "rejected": None}
            for account in _accounts_of(core, agreement)
        },
    }


def _accounts_of(core: Core, agreement: Agreement) -> list[str]:
    return [
        account
        for requisition in core.state.requisitions.values()
        if requisition.agreement == agreement.id
        for account in requisition.accounts
    ]


# Requisitions


@with_token("lists")
async def requisitions(request: Request) -> Response:
    """List the requisitions, newest first."""
    core = core_of(request)
    rows = [requisition_body(request, row) for row in reversed(core.state.requisitions.values())]
    return _page(request, rows)


@with_token("posts")
async def requisition_create(request: Request) -> Response:
    """Make a link on which the user can give consent."""
    core = core_of(request)
    fields = await read_body(request, REQUISITION_FIELDS)
    fields.require("redirect", "institution_id")
    bank = _institution(fields)
    if not _is_uri(fields.get("redirect")):
        raise _bad_redirect()
    language = str(fields.get("user_language") or "EN")
    if language.upper() not in LANGUAGES:
        raise field_error(
            "user_language",
            "Provided user_language is invalid or not supported",
            f"'{language}' is an invalid or unsupported language",
        )
    if fields.get("ssn"):
        detail = f"SSN verification not supported for {bank.id}"
        raise field_error("ssn", "SSN verification not supported", detail, as_list=True)
    selection = fields.boolean("account_selection")
    if selection and "account_selection" not in bank.features:
        detail = f"Account selection not supported for {bank.id}"
        raise field_error("account_selection", "Account selection not supported", detail)
    identity = str(uuid.uuid4())
    reference = str(fields.get("reference") or identity)
    if any(row.reference == reference for row in core.state.requisitions.values()):
        detail = f"Client reference: {reference} already exists"
        raise field_error("reference", "Client reference must be unique", detail)
    agreement = _agreement_for(core, fields, bank)
    requisition = Requisition(
        id=identity,
        created=core.now(),
        redirect=str(fields.get("redirect")),
        status="CR",
        institution_id=bank.id,
        agreement=agreement.id,
        reference=reference,
        accounts=[],
        user_language=language,
        account_selection=selection,
        redirect_immediate=fields.boolean("redirect_immediate"),
    )
    core.state.requisitions[identity] = requisition
    core.state.save()
    return answer(requisition_body(request, requisition), 201)


def _agreement_for(core: Core, fields: Fields, bank: Institution) -> Agreement:
    wanted = fields.get("agreement")
    if not wanted:
        agreement = Agreement(
            id=str(uuid.uuid4()),
            created=core.now(),
            institution_id=bank.id,
            max_historical_days=min(90, bank.total_days),
            access_valid_for_days=90,
            access_scope=list(SCOPES),
            reconfirmation=False,
        )
        core.state.agreements[agreement.id] = agreement
        return agreement
    try:
        identity = str(uuid.UUID(str(wanted)))
    except ValueError as cause:
        detail = (
            f"{wanted} is not a valid EndUserAgreement UUID.  Please specify valid agreement from "
            "/api/agreements/enduser/ or create a new one"
        )
        raise field_error(
            "agreement", "Invalid EndUserAgreement ID", detail, as_list=True
        ) from cause
    found = core.state.agreements.get(identity)
    if found is None:
        detail = "Please check whether you specified a valid ID"
        raise field_error("agreement", f"ID {identity} not found", detail, status=404)
    if found.institution_id != bank.id:
        detail = (
            f"Provided Institution ID: '{bank.id}' for requisition does not match EUA institution "
            f"ID '{found.institution_id}'. Please provide correct institution ID: "
            f"'{found.institution_id}'"
        )
        raise field_error("agreement", f"Incorrect Institution ID {bank.id}", detail)
    for row in core.state.requisitions.values():
        if row.agreement == identity:
            detail = (
                f"The agreement is already associated with requisition {row.id}. Please provide a "
                "valid agreement or use a different requisition."
            )
            summary = f"Agreement {identity} is already associated"
            raise field_error("agreement", summary, detail, as_list=True)
    return found


@with_token("lists")
async def requisition_get(request: Request) -> Response:
    """Return one requisition."""
    found = lookup(request, core_of(request).state.requisitions)
    return answer(requisition_body(request, found))


@with_token("deletes")
async def requisition_delete(request: Request) -> Response:
    """Delete a requisition with its agreement."""
    core = core_of(request)
    requisition = lookup(request, core.state.requisitions)
    del core.state.requisitions[requisition.id]
    core.state.agreements.pop(requisition.agreement, None)
    core.state.save()
    detail = f"Requisition {requisition.id} deleted with all its End User Agreements"
    return answer({"summary": "Requisition deleted", "detail": detail})


# Bodies


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


def requisition_body(request: Request, requisition: Requisition) -> dict[str, Any]:
    """Return a requisition as the API shows it."""
    return {
        "id": requisition.id,
        "created": iso_micros(requisition.created),
        "redirect": requisition.redirect,
        "status": requisition.status,
        "institution_id": requisition.institution_id,
        "agreement": requisition.agreement,
        "reference": requisition.reference,
        "accounts": requisition.accounts,
        "user_language": requisition.user_language,
        "link": f"{base_url(request)}/consent/{requisition.id}/",
        "ssn": requisition.ssn,
        "account_selection": requisition.account_selection,
        "redirect_immediate": requisition.redirect_immediate,
    }


def _page(request: Request, rows: list[dict[str, Any]]) -> Response:
    check_query(request, frozenset(("limit", "offset")))
    limit = _positive(request, "limit", 100, least=1)
    offset = _positive(request, "offset", 0, least=0)

    def page_url(start: int) -> str:
        path = f"{base_url(request)}{request.url.path}"
        return f"{path}?{urlencode({'limit': limit, 'offset': start})}"

    return answer(
        {
            "count": len(rows),
            "next": page_url(offset + limit) if offset + limit < len(rows) else None,
            "previous": page_url(max(offset - limit, 0)) if offset > 0 else None,
            "results": rows[offset : offset + limit],
        }
    )


def _positive(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < least:
        body = {name: ["A valid integer is required."], "status_code": 400}
        raise ApiError(400, body)
    return int(text)


def _institution(fields: Fields) -> Institution:
    identity = str(fields.get("institution_id"))
    bank = INSTITUTIONS.get(identity)
    if bank is None:
        detail = "Get Institution IDs from /institutions/?country={$COUNTRY_CODE}"
        raise field_error("institution_id", f"Unknown Institution ID {identity}", detail)
    return bank


def _is_uri(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 1024:
        return False
    parts = urlsplit(value)
    return bool(parts.scheme and (parts.netloc or parts.path))


def _bad_redirect() -> ApiError:
    detail = "Redirect URI must have a valid URI structure"
    return field_error("redirect", "Invalid redirect URI", detail, as_list=True)


def _not_accepted(agreement: Agreement) -> ApiError:
    return error(
        400,
        "End user agreement needs to be accepted.",
        f"EUA '{agreement.id}' is not accepted.",
    )


ROUTES = [
    Route("/token/new/", token_new, methods=["POST"]),
    Route("/token/refresh/", token_refresh, methods=["POST"]),
    Route("/institutions/", institutions),
    Route("/institutions/{id}/", institution),
    Route("/agreements/enduser/", agreements),
    Route("/agreements/enduser/", agreement_create, methods=["POST"]),
    Route("/agreements/enduser/{id}/", agreement_get),
    Route("/agreements/enduser/{id}/", agreement_delete, methods=["DELETE"]),
    Route("/agreements/enduser/{id}/accept/", agreement_accept, methods=["PUT"]),
    Route("/agreements/enduser/{id}/reconfirm/", reconfirmation_get),
    Route("/agreements/enduser/{id}/reconfirm/", reconfirmation_create, methods=["POST"]),
    Route("/requisitions/", requisitions),
    Route("/requisitions/", requisition_create, methods=["POST"]),
    Route("/requisitions/{id}/", requisition_get),
    Route("/requisitions/{id}/", requisition_delete, methods=["DELETE"]),
]
