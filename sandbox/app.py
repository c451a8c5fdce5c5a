"""The ASGI application: both providers, the consent pages, the control routes, the faults."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox import (
    consent,
    control,
    ecb,
    gocardless,
    gocardless_accounts,
    gocardless_agreements,
    gocardless_requisitions,
    trading212,
    trading212_exports,
    trading212_histories,
    trading212_legacy,
    trading212_pies,
)
from sandbox.clock import iso_micros
from sandbox.connections import reset
from sandbox.core import Core
from sandbox.faults import Fault
from sandbox.suspension import note_failure
from sandbox.wire import ApiError, answer

GOCARDLESS = "/api/v2/"
TRADING212, TRADING212_DEMO = "/api/v0/", "/demo/api/v0/"
PROVIDERS = (GOCARDLESS, TRADING212, TRADING212_DEMO)
BANK_ROUTES = [
    *gocardless.ROUTES,
    *gocardless_agreements.ROUTES,
    *gocardless_requisitions.ROUTES,
    *gocardless_accounts.ROUTES,
]
BROKER_ROUTES = [
    *trading212.ROUTES,
    *trading212_histories.ROUTES,
    *trading212_pies.ROUTES,
    *trading212_exports.ROUTES,
    *trading212_legacy.ROUTES,
]


def build(core: Core) -> ASGIApp:
    """Return the application over a core."""
    app = Starlette(
        routes=[
            Mount(GOCARDLESS, app=_router(BANK_ROUTES)),
            Mount(TRADING212, app=_router(BROKER_ROUTES)),
            Mount(TRADING212_DEMO, app=_router(BROKER_ROUTES)),
            Mount("/reports/", app=_router(trading212_exports.FILES)),
            Mount("/ecb/", app=_router(ecb.ROUTES)),
            Mount("/consent/", app=_router(consent.ROUTES)),
            Mount("/sandbox/", app=_router(control.ROUTES)),
        ],
        exception_handlers={ApiError: _refuse, HTTPException: _unrouted},
    )
    app.state.core = core
    return Front(app, core)


def _router(routes: Any) -> Router:
    return Router(routes, redirect_slashes=False)


async def _refuse(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, ApiError):
        raise error
    return error.response()


async def _unrouted(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    text = {404: "Not found.", 405: f'Method "{request.method}" not allowed.'}
    detail = text.get(error.status_code, error.detail)
    if request.url.path.startswith(GOCARDLESS):
        body = {"summary": detail, "detail": detail, "status_code": error.status_code}
        return answer(body, error.status_code, error.headers)
    return PlainTextResponse(detail, error.status_code, error.headers)


class Front:
    """Stands before the routes: evens out slashes, keeps the record of calls, and makes faults."""

    def __init__(self, app: ASGIApp, core: Core) -> None:
        self._app = app
        self._core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        scope = {**scope, "path": _even(path)}
        if not path.startswith(PROVIDERS):
            await self._app(scope, receive, send)
            return
        call: dict[str, Any] = {
            "method": scope["method"],
            "path": path,
            "query": scope["query_string"].decode("ascii", "replace"),
            "status": None,
            "at": iso_micros(self._core.state.clock.now()),
        }
        self._core.requests.append(call)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        fault = self._core.faults.take(scope["method"], path)
        if fault is None:
            await self._app(scope, receive, noted)
        else:
            await self._fail(fault, scope, receive, noted)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.delay_s:
            await asyncio.sleep(fault.delay_s)
        if fault.action == "reset":
            reset(scope)
            return
        if fault.action == "hang":
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        served = self._app if fault.status is None else _scripted(fault)
        note_failure(self._core, scope["path"], fault.json)
        await served(scope, receive, _truncated(send) if fault.action == "truncate" else send)


def _scripted(fault: Fault) -> ASGIApp:
    status = fault.status or 200
    if fault.text is not None:
        response = Response(fault.text, status)
    elif fault.json is not None:
        response = answer(fault.json, status)
    else:
        response = Response(status_code=status)
    response.headers.update(fault.headers)
    return response


def _truncated(send: Send) -> Send:
    """Return a ``send`` that announces a whole body and delivers half of it."""

    async def half(message: Message) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")
            message = {**message, "body": body[: len(body) // 2], "more_body": True}
        await send(message)

    return half


def _even(path: str) -> str:
    """Return a path as its routes are written: GoCardless and consent end in a slash."""
    if path.startswith((GOCARDLESS, "/consent/")) and not path.endswith((".svg", "/")):
        return f"{path}/"
    if path.startswith((TRADING212, TRADING212_DEMO, "/sandbox/")):
        return path.rstrip("/")
    return path
