"""The ledger as a resource: opened on first use, closed with the run."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import dagster as dg
import sqlalchemy as sa
from pydantic import PrivateAttr

from dagster_project.lib import tags
from dagster_project.lib.failures import explained
from farthing.secrets import SecretBox
from farthing.settings import Settings
from ingestion import outcomes
from ingestion.run import Run
from postgres.database import Database, open_database


class Ledger(dg.ConfigurableResource[Any]):
    """The database that the environment names.

    It has no configuration of its own: Dagster stores configuration in clear.
    """

    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _database: Database | None = PrivateAttr(default=None)
    _run_id: str = PrivateAttr(default="")
    _tags: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Ledger]:
        """Remember the run; the database is closed when it ends."""
        # A schedule reads too, in no run.
        self._run_id = context.run.run_id if context.run else "schedule"
        self._tags = context.run.tags if context.run else {}
        with ExitStack() as self._stack:
            yield self
            if context.run and context.instance and self._database is not None:
                with suppress(sa.exc.SQLAlchemyError):
                    self._tell_outcome(context.instance)
        self._database = None

    def _tell_outcome(self, instance: dg.DagsterInstance) -> None:
        """Mark the run by what became of its accounts, which its own colour does not say."""
        with self._open(Settings.load()).sessions() as session:
            came_out = outcomes.of_run(session, self._run_id)
        if came_out is not None:
            instance.add_run_tags(self._run_id, {tags.OUTCOME: came_out.value})

    @contextmanager
    def run(self) -> Iterator[Run]:
        """Yield what ingestion works with; what goes wrong inside becomes a failure.

        It is opened here and not with the resource, so that a database that is down fails a step
        in one line and the step's retries can wait for it.

        :raises dagster.Failure: for every error.
        """
        with explained():
            settings = Settings.load()
            connection, deferred = self._tags.get(tags.CONNECTION), self._tags.get(tags.DEFERRED)
            yield Run(
                run_id=self._run_id,
                sessions=self._open(settings).sessions,
                settings=settings,
                secrets=SecretBox.from_settings(settings),
                connection_id=uuid.UUID(connection) if connection else None,
                deferred_until=dt.datetime.fromisoformat(deferred) if deferred else None,
                is_planned=any(tag in self._tags for tag in tags.PLANNED),
            )

    @property
    def engine(self) -> sa.Engine:
        """The ledger's engine; open inside :meth:`run`."""
        return self._open(Settings.load()).engine

    @property
    def url(self) -> str:
        """The ledger's database, with the password in it."""
        return self._open(Settings.load()).url

    def _open(self, settings: Settings) -> Database:
        if self._database is None:
            self._database = self._stack.enter_context(open_database(settings))
        return self._database
