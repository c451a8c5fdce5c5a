"""Erase a user: consents at the provider, then every row here."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from farthing.errors import FarthingError
from ingestion.gocardless import open_client
from ingestion.run import Run
from postgres import erasure
from postgres.common.enums import Provider
from postgres.common.operations import connections
from providers.errors import NotFound


@dataclass(frozen=True, slots=True)
class Erased:
    """A user who is gone.

    :param traces: what other stores may still say of them.
    :param not_revoked: a line for each consent that the provider could not be told about; it ends
        by itself, and nothing here can use it.
    """

    traces: erasure.Traces
    not_revoked: tuple[str, ...]


def erase_user(run: Run, user_id: UUID) -> Erased:
    """Revoke a user's consents as far as the provider answers, then delete all that is theirs.

    :raises NotFoundError: if there is no such user.
    """
    not_revoked = tuple(_revoke(run, user_id))
    with run.sessions.begin() as session:
        traces = erasure.erase_user(session, user_id)
    return Erased(traces, not_revoked)


def _revoke(run: Run, user_id: UUID) -> list[str]:
    with run.sessions.begin() as session:
        found = connections.list_with_institutions(
            session, user_id=user_id, provider=Provider.GOCARDLESS
        )
    if not found:
        return []
    failed: list[str] = []
    for connection, institution in found:
        # Rows that must go do not stay because a provider does not answer.
        try:
            with open_client(run) as client:
                client.delete_requisition(connection.provider_connection_id)
        except NotFound:
            continue
        except FarthingError as error:
            failed.append(f"{institution.name}: {error}")
    return failed
