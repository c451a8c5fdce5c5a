"""Let the rules of each user tag their transactions that changed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from uuid import UUID

from ingestion.accounts import for_each
from ingestion.run import AccountOutcome, Run, Status, StepOutcome
from postgres.common.operations import tag_rules
from postgres.core import WriteCounts
from postgres.sessions import name_actor


@dataclass(frozen=True, slots=True)
class _Owner:
    user_id: UUID
    connection_id: None = None

    @property
    def key(self) -> str:
        return str(self.user_id)

    @property
    def label(self) -> str:
        return f"user {self.user_id}"


def apply_tag_rules(run: Run) -> StepOutcome:
    """Apply rules to what changed, of whatever connection it is, each user in a transaction.

    A rule that could not be evaluated is named, by its id alone; the others do their work.
    """
    with run.sessions.begin() as session:
        owners = [_Owner(user.id) for user in tag_rules.list_due_users(session)]

    def work(owner: _Owner) -> AccountOutcome:
        with run.sessions.begin() as session:
            name_actor(session, f"tag_rules:{run.run_id}")
            applied = tag_rules.apply_to_changes(session, owner.user_id)
        found = applied.counts
        counts = WriteCounts(inserted=found.tagged, updated=found.retagged + found.untagged)
        reason = "; ".join(f"rule {fault.rule_id}: {fault.reason}" for fault in applied.left_out)
        if reason:
            return AccountOutcome(None, owner.label, Status.FAILED, reason, counts=counts)
        return AccountOutcome(None, owner.label, counts=counts)

    everybody = dataclasses.replace(run, connection_id=None)
    return for_each(everybody, "common.transaction_splits", owners, work)
