"""A bare client of the bank data API, with the few steps that most tests begin with."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

from sandbox.accounts import NORTHGATE
from sandbox.server import Sandbox

REDIRECT = "http://127.0.0.1:9/back"


class Bank:
    """Holds a token from the start; every call returns the plain response."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._http = httpx.Client(base_url=sandbox.gocardless_url, trust_env=False)
        self.login()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def login(self) -> dict[str, Any]:
        secrets = {"secret_id": self.sandbox.secret_id, "secret_key": self.sandbox.secret_key}
        pair: dict[str, Any] = self.post("/token/new/", json=secrets).json()
        self._http.headers["authorization"] = f"Bearer {pair['access']}"
        return pair

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self._http.get(path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self._http.post(path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        return self._http.put(path, **options)

    def delete(self, path: str) -> httpx.Response:
        return self._http.delete(path)

    def agree(self, institution: str = NORTHGATE, **terms: Any) -> dict[str, Any]:
        body = {"institution_id": institution, **terms}
        response = self.post("/agreements/enduser/", json=body)
        assert response.status_code == 201, response.text
        agreement: dict[str, Any] = response.json()
        return agreement

    def require(self, institution: str = NORTHGATE, **more: Any) -> dict[str, Any]:
        body = {"institution_id": institution, "redirect": REDIRECT, **more}
        response = self.post("/requisitions/", json=body)
        assert response.status_code == 201, response.text
        requisition: dict[str, Any] = response.json()
        return requisition

    def link(self, institution: str = NORTHGATE, **terms: Any) -> dict[str, Any]:
        """Go the whole way to linked accounts, and return the requisition."""
        agreement = self.agree(institution, **({"max_historical_days": 730} | terms))
        requisition = self.require(institution, agreement=agreement["id"])
        self.sandbox.approve(requisition["link"])
        linked: dict[str, Any] = self.get(f"/requisitions/{requisition['id']}/").json()
        return linked
