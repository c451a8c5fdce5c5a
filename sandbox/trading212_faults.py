"""The documented and the seen refusals of the broker's API, in every shape that a body has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.faults import Fault

_PROBLEM = {
    "type": "/api-errors/validation",
    "title": "Bad filtering arguments",
    "status": 400,
    "detail": "limit must be at most 50",
    "traceId": "0a1b2c3d",
}
_PAGE = "<!DOCTYPE html><html><body><h1>Please wait</h1></body></html>"
_DEMO = "/api-errors/not-available-in-demo-account"

REFUSALS: Mapping[str, tuple[int, Any]] = {
    "400-problem": (400, _PROBLEM),
    "400-clarification": (400, {"code": "BusinessException", "clarification": "Invalid cursor"}),
    "400-message": (400, {"code": "Bad", "message": "time is missing"}),
    "400-internal": (400, {"code": "InternalError"}),
    "400-empty": (400, ""),
    "401-empty": (401, ""),
    "401-text": (401, "Unauthorized"),
    "403-scope-text": (403, "Scope(history:orders) missing for API key"),
    "403-scope-problem": (403, {"detail": "Scope(history:orders) missing for API key"}),
    "403-demo": (403, {"type": _DEMO, "title": "Not available", "status": 403}),
    "403-empty": (403, ""),
    "404-problem": (404, {"type": "/api-errors/entity-not-found", "title": "Not found"}),
    "404-empty": (404, ""),
    "408-empty": (408, ""),
    "408-text": (408, "Timed-out"),
    "429-opaque": (429, "slow down"),
    "500-internal": (500, {"code": "InternalError"}),
    "500-text": (500, "oops"),
    "502-page": (502, _PAGE),
    "503-page": (503, _PAGE),
    "503-empty": (503, ""),
}
"""Status and body; a text is sent as it stands."""


def refusal(name: str, path: str = "/api/v0/", times: int = 1) -> Fault:
    """Return one of :data:`REFUSALS` as what the next calls get.

    :param path: a regular expression searched for in the path.
    """
    status, body = REFUSALS[name]
    if isinstance(body, str):
        return Fault(path=path, status=status, text=body, times=times)
    return Fault(path=path, status=status, json=body, times=times)
