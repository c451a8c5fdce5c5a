"""No variable of the person who runs the tests reaches them."""

from __future__ import annotations

import pytest

VARIABLES = (
    "FARTHING_HOME",
    "FARTHING_DATABASE_URL",
    "FARTHING_ENCRYPTION_KEYS",
    "FARTHING_NOW",
    "GOCARDLESS_BASE_URL",
    "GOCARDLESS_SECRET_ID",
    "GOCARDLESS_SECRET_KEY",
    "TRADING212_BASE_URL",
    "ECB_BASE_URL",
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
