"""The central bank's archive of reference rates, as if it were published to this day."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

from currency_converter import CURRENCY_FILE
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.core import core_of
from sandbox.working_days import ONE_DAY, SATURDAY

_MEMBER = "eurofxref-hist.csv"


async def archive(request: Request) -> Response:
    """Return the real history; from its end on the last rates stay what they were."""
    with zipfile.ZipFile(CURRENCY_FILE) as installed:
        header, *lines = installed.read(_MEMBER).decode("ascii").splitlines()
    last, rates = lines[0].split(",", 1)
    day, today = dt.date.fromisoformat(last), core_of(request).state.clock.now().date()
    newer = []
    while (day := day + ONE_DAY) < today:
        if day.weekday() < SATURDAY:
            newer.append(f"{day},{rates}")
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(_MEMBER, "\n".join([header, *reversed(newer), *lines]))
    return Response(body.getvalue(), media_type="application/zip")


ROUTES = [Route("/eurofxref-hist.zip", archive)]
