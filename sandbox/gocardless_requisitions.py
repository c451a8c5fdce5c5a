"""GoCardless Bank Account Data v2: requisitions, the links on which users consent."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import iso_micros
from sandbox.core import Core, base_url, core_of
from sandbox.gocardless_requests import (
    Fields,
    bad_redirect,
    field_error,
    institution,
    is_uri,
    lookup,
    page,
    read_body,
    with_token,
)
from sandbox.institutions import SCOPES, Institution
from sandbox.state import Agreement, Requisition
from sandbox.wire import answer

REQUISITION_FIELDS = frozenset(
    (
        "redirect", "institution_id", "agreement", "reference", "user_language", "ssn",
        "account_selection", "redirect_immediate",
    )
)  # fmt: skip
LANGUAGES = frozenset(
    (
        "BG", "CS", "DA", "DE", "EL", "EN", "ES", "ET", "FI", "FR", "GA", "HR", "HU", "IS", "IT",
        "LT", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SL", "SV",
    )
)  # fmt: skip


@with_token("lists")
async def requisitions(request: Request) -> Response:
    """List the requisitions, newest first."""
    core = core_of(request)
    rows = [requisition_body(request, row) for row in reversed(core.state.requisitions.values())]
    return page(request, rows)


@with_token("posts")
async def requisition_create(request: Request) -> Response:
    """Make a link on which the user can give consent."""
    core = core_of(request)
    fields = await read_body(request, REQUISITION_FIELDS)
    fields.require("redirect", "institution_id")
    bank = institution(fields)
    if not is_uri(fields.get("redirect")):
        raise bad_redirect()
    language = str(fields.get("user_language") or "EN")
    if language.upper() not in LANGUAGES:
        raise field_error(
            400,
            "user_language",
            "Provided user_language is invalid or not supported",
            f"'{language}' is an invalid or unsupported language",
        )
    if fields.get("ssn"):
        detail = f"SSN verification not supported for {bank.id}"
        raise field_error(400, "ssn", "SSN verification not supported", detail, as_list=True)
    selection = fields.boolean("account_selection")
    if selection and "account_selection" not in bank.features:
        detail = f"Account selection not supported for {bank.id}"
        raise field_error(400, "account_selection", "Account selection not supported", detail)
    identity = str(uuid.uuid4())
    reference = str(fields.get("reference") or identity)
    if any(row.reference == reference for row in core.state.requisitions.values()):
        detail = f"Client reference: {reference} already exists"
        raise field_error(400, "reference", "Client reference must be unique", detail)
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
            400, "agreement", "Invalid EndUserAgreement ID", detail, as_list=True
        ) from cause
    found = core.state.agreements.get(identity)
    if found is None:
        detail = "Please check whether you specified a valid ID"
        raise field_error(404, "agreement", f"ID {identity} not found", detail)
    if found.institution_id != bank.id:
        detail = (
            f"Provided Institution ID: '{bank.id}' for requisition does not match EUA institution "
            f"ID '{found.institution_id}'. Please provide correct institution ID: "
            f"'{found.institution_id}'"
        )
        raise field_error(400, "agreement", f"Incorrect Institution ID {bank.id}", detail)
    for row in core.state.requisitions.values():
        if row.agreement == identity:
            detail = (
                f"The agreement is already associated with requisition {row.id}. Please provide a "
                "valid agreement or use a different requisition."
            )
            summary = f"Agreement {identity} is already associated"
            raise field_error(400, "agreement", summary, detail, as_list=True)
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


ROUTES = [
    Route("/requisitions/", requisitions),
    Route("/requisitions/", requisition_create, methods=["POST"]),
    Route("/requisitions/{id}/", requisition_get),
    Route("/requisitions/{id}/", requisition_delete, methods=["DELETE"]),
]
