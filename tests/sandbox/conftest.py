"""A running sandbox, and plain HTTP clients for both of its APIs."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from sandbox.server import Sandbox, running
from tests.sandbox.bank import Bank

NOW = "2026-03-15T09:00:00Z"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running(seed=7, now=NOW) as handle:
        yield handle


@pytest.fixture
def bank(sandbox: Sandbox) -> Iterator[Bank]:
    with Bank(sandbox) as client:
        yield client


@pytest.fixture
def broker(sandbox: Sandbox) -> Iterator[httpx.Client]:
    credentials = (sandbox.trading212_key, sandbox.trading212_secret)
    with httpx.Client(base_url=sandbox.trading212_url, auth=credentials, trust_env=False) as client:
        yield client
