from __future__ import annotations

import dagster as dg
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from dagster_project.lib.failures import explained
from farthing.errors import ConfigurationError
from postgres.core import DatabaseUnavailableError

IBAN = "GB33BUKB20201555555555"


def raised(error: Exception) -> dg.Failure:
    with pytest.raises(dg.Failure) as caught, explained():
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConfigurationError("GOCARDLESS_SECRET_ID is not set"), False),
        (DatabaseUnavailableError("the database does not answer"), True),
    ],
)
def test_our_own_errors_keep_their_line(error: Exception, again: bool) -> None:
    failure = raised(error)

    assert failure.description == str(error)
    assert failure.allow_retries is again
    assert failure.__suppress_context__


def test_an_unforeseen_error_tells_where_and_not_what() -> None:
    failure = raised(KeyError(IBAN))

    assert failure.description is not None
    assert failure.description.startswith("KeyError in raised (test_failures.py:")
    assert "test_failures.py" in str(failure.metadata["where"].value)
    assert IBAN not in f"{failure.description}{failure.metadata}"
    assert not failure.allow_retries


def test_a_refused_row_is_not_quoted(sessions: sessionmaker[Session]) -> None:
    with sessions() as session:
        session.execute(sa.text("create temporary table t (iban text constraint one unique)"))
        row = {"iban": IBAN}
        session.execute(sa.text("insert into t values (:iban)"), row)
        with pytest.raises(dg.Failure) as caught, explained():
            session.execute(sa.text("insert into t values (:iban)"), row)

    said = f"{caught.value.description}{caught.value.metadata}"
    assert "UniqueViolation" in said
    assert "constraint one" in said
    assert IBAN not in said


def test_failures_and_requests_to_retry_pass() -> None:
    failure = dg.Failure("mine")
    assert raised(failure) is failure
    with pytest.raises(dg.RetryRequested), explained():
        raise dg.RetryRequested
