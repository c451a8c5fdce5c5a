"""The pages on which a person gives, refuses or confirms consent, and what follows from it."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.accounts import Account, find_account
from sandbox.core import Core, core_of
from sandbox.institutions import INSTITUTIONS, Institution
from sandbox.state import RECONFIRMATION_WINDOW, Agreement, Linked, Requisition

USED = ("LN", "RJ", "EX", "SU", "ER", "ID")
"""States in which a link has done its work."""

WALK = {"authenticate": "UA", "grant": "GA"}
"""Outcomes that only move the walk on, for tests of the states in between."""

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --field: #eef2f5; --soft: #5d6b78;
  --deed: #0b6e4f; --line: #d5dde4 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e7edf2; --paper: #17212b; --field: #0d141b; --soft: #9fb0be; --deed: #2f9c77;
    --line: #2b3947 }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--field); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: 2rem; border-radius: 1rem; background: var(--paper);
  border: 1px solid var(--line) }
header { display: flex; gap: .9rem; align-items: center; margin-bottom: 1.2rem }
header img { width: 3rem; height: 3rem; border-radius: .7rem }
h1 { font-size: 1.25rem; margin: 0 } p { margin: .4rem 0 1rem } small, .soft { color: var(--soft) }
ul { list-style: none; margin: 0 0 1.2rem; padding: 0; border: 1px solid var(--line);
  border-radius: .7rem }
li { padding: .7rem 1rem; display: flex; justify-content: space-between; gap: 1rem }
li + li { border-top: 1px solid var(--line) }
form { display: flex; gap: .7rem; margin: 1.4rem 0 .8rem }
button { flex: 1; padding: .75rem; font: inherit; font-weight: 600; border-radius: .6rem;
  border: 1px solid var(--line); background: transparent; color: inherit; cursor: pointer }
button[value=approve] { background: var(--deed); border-color: var(--deed); color: #fff }
button:focus-visible { outline: 3px solid var(--deed); outline-offset: 2px }
"""


async def page(request: Request) -> Response:
    """Show what is asked for, with a button to approve and one to refuse."""
    core = core_of(request)
    requisition = core.state.requisitions.get(request.path_params["id"])
    if requisition is None:
        return _message(
            "This link is not known", "It may have been deleted. Ask for a new one.", 404
        )
    if requisition.status in USED:
        return _message("This link has been used", "Ask for a new one to connect again.", 409)
    if requisition.status == "CR":
        requisition.status = "GC"
        core.state.save()
    agreement = core.state.agreements[requisition.agreement]
    bank = INSTITUTIONS[requisition.institution_id]
    return _ask(
        bank,
        f"Share your {bank.name} accounts?",
        f"This application asks to read the {escape(_listed(agreement.access_scope))} of these "
        f"accounts for {agreement.access_valid_for_days} days, and up to "
        f"{agreement.max_historical_days} days of history. It cannot move money.",
        list(core.opened_by(requisition).values()),
    )


async def decide(request: Request) -> Response:
    """Take the person's decision and send them back to the application."""
    core = core_of(request)
    requisition = core.state.requisitions.get(request.path_params["id"])
    if requisition is None:
        return _message(
            "This link is not known", "It may have been deleted. Ask for a new one.", 404
        )
    outcome = await _outcome(request)
    if requisition.status in USED:
        return _back(requisition.redirect, requisition.reference, "RequisitionLinkReused")
    if outcome in WALK:
        requisition.status = WALK[outcome]
        core.state.save()
        return RedirectResponse(request.url.path, 303)
    if outcome == "refuse":
        requisition.status = "RJ"
        core.state.save()
        return _back(requisition.redirect, requisition.reference, "UserCancelledSession")
    if outcome in _DETAILS:
        requisition.status = "RJ" if outcome == "SSNVerificationFailed" else "ER"
        core.state.save()
        return _back(requisition.redirect, requisition.reference, outcome)
    if outcome != "approve":
        known = ", ".join(("approve", "refuse", *WALK, *_DETAILS))
        return PlainTextResponse(f"outcome must be one of {known}", 400)
    if not core.opened_by(requisition):
        requisition.status = "RJ"
        core.state.save()
        return _back(requisition.redirect, requisition.reference, "UnknownError")
    _link(core, requisition, await _holder(request))
    return _back(requisition.redirect, requisition.reference)


def _link(core: Core, requisition: Requisition, holder: int) -> None:
    now = core.now()
    accounts = core.opened_by(requisition, holder)
    core.state.agreements[requisition.agreement].accepted = now
    requisition.accounts = list(accounts)
    requisition.status = "LN"
    for identity, account in accounts.items():
        is_renamed = identity != account.provider_id(core.state.seed, holder)
        core.state.accounts.setdefault(identity, Linked(account.key, now, is_renamed=is_renamed))
    core.state.save()


async def reconfirm_page(request: Request) -> Response:
    """Show whose consent is to be confirmed once more."""
    core = core_of(request)
    agreement = _asked_again(core, request)
    if agreement is None:
        return _message("Nothing to confirm", "This address is not in use at the moment.", 404)
    bank = INSTITUTIONS[agreement.institution_id]
    return _ask(
        bank,
        "Go on sharing?",
        f"This application reads your {bank.name} accounts. Confirm it for another 90 days.",
        [find_account(core.state.accounts[each].key) for each in core.accounts_of(agreement)],
    )


async def reconfirm(request: Request) -> Response:
    """Take the confirmation."""
    core = core_of(request)
    agreement = _asked_again(core, request)
    if agreement is None:
        return _message("Nothing to confirm", "This address is not in use at the moment.", 404)
    refused = await _outcome(request) == "refuse"
    if refused:
        agreement.rejected = core.now()
    else:
        agreement.reconfirmed = core.now()
    core.state.save()
    if agreement.reconfirmation_redirect is None:
        return _message("Thank you", "You can close this page.", 200)
    error = "UserCancelledSession" if refused else None
    return _back(agreement.reconfirmation_redirect, agreement.id, error)


def _asked_again(core: Core, request: Request) -> Agreement | None:
    agreement = core.state.agreements.get(request.path_params["id"])
    if agreement is None or agreement.reconfirmation_asked is None:
        return None
    mark = agreement.reconfirm_by
    if mark is None or abs(core.now() - mark) > RECONFIRMATION_WINDOW:
        return None
    return agreement


async def logo(request: Request) -> Response:
    """Draw a bank's initials; no image comes from elsewhere."""
    bank = INSTITUTIONS.get(request.path_params["id"])
    if bank is None:
        return PlainTextResponse("no such bank", 404)
    initials = "".join(word[0] for word in bank.name.split())[:2].upper()
    hue = sum(bank.id.encode()) * 7 % 360
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" fill="hsl({hue} 45% 34%)"/>'
        '<text x="32" y="41" font-family="system-ui, sans-serif" font-size="26" font-weight="700" '
        f'text-anchor="middle" fill="#fff">{initials}</text></svg>'
    )
    return Response(drawing, media_type="image/svg+xml")


async def _outcome(request: Request) -> str:
    form = await request.form()
    return str(form.get("outcome", ""))


async def _holder(request: Request) -> int:
    """Return who consents, of those who hold accounts like the household's; 0 is the household."""
    text = str((await request.form()).get("holder", ""))
    return int(text) if text.isdecimal() else 0


def _back(redirect: str, reference: str, error: str | None = None) -> Response:
    parts = urlsplit(redirect)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("ref", reference)]
    if error is not None:
        query += [("error", error), ("details", _DETAILS[error])]
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), 303)


_DETAILS = {
    "UserCancelledSession": "User cancelled the session",
    "UnknownError": "No account could be opened at the institution",
    "RequisitionLinkReused": "The link has been used before",
    "SSNVerificationFailed": "The social security number could not be verified",
    "InstitutionTechnicalError": "The institution has a technical problem",
    "GoCardlessTechnicalError": "GoCardless has a technical problem",
}


def _ask(bank: Institution, title: str, question: str, accounts: list[Account]) -> Response:
    rows = "".join(
        f"<li><span>{escape(account.name)}</span>"
        f'<span class="soft">{escape(account.masked_pan or account.iban[-8:])} '
        f"{account.currency}</span></li>"
        for account in accounts
    )
    listed = f"<ul>{rows}</ul>" if rows else "<p><strong>You hold no account here.</strong></p>"
    return _html(
        title,
        f'<header><img src="/consent/logo/{bank.id}.svg" alt=""><div><h1>{escape(title)}</h1>'
        f"<small>{escape(bank.name)} &middot; made-up bank of the sandbox</small></div></header>"
        f"<p>{question}</p>{listed}"
        '<form method="post"><button name="outcome" value="refuse">Refuse</button>'
        '<button name="outcome" value="approve">Approve</button></form>'
        "<small>Nothing here is real: no bank is asked, and no password is needed.</small>",
    )


def _message(title: str, text: str, status: int) -> Response:
    return _html(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>", status)


def _html(title: str, body: str, status: int = 200) -> Response:
    return HTMLResponse(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>",
        status,
    )


def _listed(scope: list[str]) -> str:
    return scope[0] if len(scope) == 1 else f"{', '.join(scope[:-1])} and {scope[-1]}"


ROUTES = [
    Route("/logo/{id}.svg", logo),
    Route("/reconfirm/{id}/", reconfirm_page),
    Route("/reconfirm/{id}/", reconfirm, methods=["POST"]),
    Route("/{id}/", page),
    Route("/{id}/", decide, methods=["POST"]),
]
