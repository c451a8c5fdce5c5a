"""Routes under ``/sandbox/`` that drive the sandbox: clock, truth, calls, faults, quirks."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.broker_quirks import BROKER, BROKER_QUIRKS
from sandbox.broker_quirks.quirk import BrokerQuirk
from sandbox.clock import iso_micros, parse_instant
from sandbox.core import core_of
from sandbox.faults import Fault
from sandbox.quirks import QUIRKS
from sandbox.quirks.quirk import Quirk
from sandbox.truth import truth, truth_at


async def clock(request: Request) -> Response:
    """Tell the instant."""
    state = core_of(request).state
    return JSONResponse(
        {"now": iso_micros(state.clock.now()), "frozen": state.clock.frozen is not None}
    )


async def set_clock(request: Request) -> Response:
    """Stand still at ``now``, or move on by ``advance_days`` and ``advance_hours``."""
    state = core_of(request).state
    try:
        wanted = await _document(request)
        if "now" in wanted:
            state.clock.set(parse_instant(str(wanted["now"])))
        days, hours = int(wanted.get("advance_days", 0)), int(wanted.get("advance_hours", 0))
        state.clock.advance(dt.timedelta(days=days, hours=hours))
    except (TypeError, ValueError, OverflowError) as error:
        return JSONResponse({"error": str(error)}, 400)
    state.save()
    return await clock(request)


async def get_truth(request: Request) -> Response:
    """Tell what really happened."""
    return JSONResponse(truth(core_of(request)))


async def get_truth_at(request: Request) -> Response:
    """Tell what really happened at one bank."""
    return JSONResponse(truth_at(core_of(request), request.path_params["institution"]))


async def requests(request: Request) -> Response:
    """List every provider call seen, oldest first."""
    return JSONResponse(core_of(request).requests)


async def clear_requests(request: Request) -> Response:
    """Forget the calls."""
    core_of(request).requests.clear()
    return Response(status_code=204)


async def faults(request: Request) -> Response:
    """List the rules that are still to apply."""
    return JSONResponse([rule.to_json() for rule in core_of(request).faults.rules])


async def add_faults(request: Request) -> Response:
    """Add one rule, or a list of them, behind those that are there."""
    try:
        document = json.loads(await request.body())
        rules = document if isinstance(document, list) else [document]
        core_of(request).faults.rules += [Fault.from_json(rule) for rule in rules]
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return await faults(request)


async def clear_faults(request: Request) -> Response:
    """Drop every rule."""
    core_of(request).faults.rules.clear()
    return Response(status_code=204)


async def quirks(request: Request) -> Response:
    """List every switch, and the institutions where some are on."""
    core = core_of(request)
    on: dict[str, Sequence[Quirk | BrokerQuirk]] = {**core.quirks.on, BROKER: core.broker_quirks.on}
    switches: dict[str, Quirk | BrokerQuirk] = {**QUIRKS, **BROKER_QUIRKS}
    return JSONResponse(
        {
            "switches": {number: quirk.what for number, quirk in switches.items()},
            "on": {bank: [quirk.number for quirk in found] for bank, found in on.items() if found},
        }
    )


async def put_quirks(request: Request) -> Response:
    """Turn on ``quirks`` of an ``institution`` and off its others; its calls count anew."""
    try:
        wanted = await _document(request)
        if wanted.get("institution") == BROKER:
            core_of(request).broker_quirks.put(wanted.get("quirks"))
        else:
            core_of(request).quirks.put(wanted.get("institution"), wanted.get("quirks"))
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return await quirks(request)


async def clear_quirks(request: Request) -> Response:
    """Turn off every quirk."""
    core_of(request).quirks.on.clear()
    core_of(request).broker_quirks.put([])
    return Response(status_code=204)


async def put_consents(request: Request) -> Response:
    """Set the rules of an ``institution``'s consents; those that are not given are off."""
    try:
        wanted = await _document(request)
        institution = wanted.pop("institution", None)
        core_of(request).consents.put(institution, wanted)
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    return Response(status_code=204)


async def clear_consents(request: Request) -> Response:
    """Let the consents of every institution be plain ones."""
    core_of(request).consents.rules.clear()
    return Response(status_code=204)


async def put_requisition(request: Request) -> Response:
    """Put a consent into a ``status``, or let the user take it back (``is_revoked``)."""
    core = core_of(request)
    requisition = core.state.requisitions.get(request.path_params["id"])
    try:
        wanted = await _document(request)
    except (TypeError, ValueError) as error:
        return JSONResponse({"error": str(error)}, 400)
    if requisition is None or not set(wanted) <= {"status", "is_revoked"}:
        message = "status and is_revoked of a consent that there is can be set"
        return JSONResponse({"error": message}, 400)
    requisition.status = str(wanted.get("status", requisition.status))
    requisition.is_revoked = bool(wanted.get("is_revoked", requisition.is_revoked))
    core.state.save()
    return Response(status_code=204)


async def _document(request: Request) -> dict[str, Any]:
    document = json.loads(await request.body())
    if not isinstance(document, dict):
        message = "expected an object"
        raise TypeError(message)
    return document


ROUTES = [
    Route("/clock", clock),
    Route("/clock", set_clock, methods=["PUT"]),
    Route("/truth", get_truth),
    Route("/truth/{institution}", get_truth_at),
    Route("/requests", requests),
    Route("/requests", clear_requests, methods=["DELETE"]),
    Route("/faults", faults),
    Route("/faults", add_faults, methods=["PUT"]),
    Route("/faults", clear_faults, methods=["DELETE"]),
    Route("/consents", put_consents, methods=["PUT"]),
    Route("/consents", clear_consents, methods=["DELETE"]),
    Route("/requisitions/{id}", put_requisition, methods=["PUT"]),
    Route("/quirks", quirks),
    Route("/quirks", put_quirks, methods=["PUT"]),
    Route("/quirks", clear_quirks, methods=["DELETE"]),
]
