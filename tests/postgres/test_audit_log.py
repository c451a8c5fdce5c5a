"""Every change of a user or a write-back leaves one row that stays, and can be taken back."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import (
    AuditAction,
    RecurringDirection,
    RecurringSource,
    RecurringStatus,
    SplitSource,
)
from postgres.common.models import (
    AuditEntry,
    RecurringPattern,
    Tag,
    TagRule,
    TransactionSplit,
)
from postgres.common.operations import accounts, audit_log, transaction_splits
from postgres.common.operations.transaction_splits import Part
from postgres.errors import ChangedSinceError, NotFoundError, OperationError
from postgres.models import metadata
from postgres.sessions import name_actor, user_session
from tests.postgres.household import Household, make_household
from tests.postgres.ledger import Ledger, book, make_ledger

DAY = dt.date(2026, 3, 14)
AUDITED = {name: table.info["audited"] for name, table in metadata.tables.items()
           if "audited" in table.info}  # fmt: skip
WHOLE = sorted(name for name, columns in AUDITED.items() if not columns)
NEVER_CHANGED = {"common.goal_contributions"}  # a ledger of its own: only made and deleted
PARTLY = sorted(name for name, columns in AUDITED.items() if columns)


@pytest.fixture
def ann(session: Session) -> Household:
    return make_household(session)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    ledger = make_ledger(session)
    session.commit()
    return ledger


def entries(session: Session, user_id: uuid.UUID, table: str | None = None) -> list[AuditEntry]:
    found: list[AuditEntry] = []
    after = None
    while True:
        page = audit_log.list_entries(session, user_id, table_name=table, after=after, limit=7)
        found += page.items
        after = page.after
        if after is None:
            return found


def add_tag(session: Session, ledger: Ledger, name: str) -> Tag:
    tag = Tag(user_id=ledger.user.id, name=name)
    session.add(tag)
    session.commit()
    return tag


def rows(session: Session, table: str, user_id: uuid.UUID) -> list[dict[str, Any]]:
    found = session.scalars(
        sa.text(f"select to_jsonb(t) - 'updated_at' from {table} as t where user_id = :u"),  # noqa: S608
        {"u": user_id},
    )
    return sorted(found, key=str)


class TestLog:
    def test_what_users_decide_on_is_in_it(self) -> None:
        assert {
            "common.tags",
            "common.tag_rules",
            "common.tag_removals",
            "common.transaction_splits",
            "common.transfers",
            "common.recurring_patterns",
            "common.recurring_pattern_transactions",
        } <= set(WHOLE)
        assert {"common.transactions", "common.accounts"} <= set(PARTLY)

    @pytest.mark.parametrize("table", WHOLE)
    def test_each_insert_update_and_delete_leaves_one_row(
        self, session: Session, ann: Household, table: str
    ) -> None:
        known = entries(session, ann.user_id, table)
        (row,) = rows(session, table, ann.user_id)
        # What another row's trigger then changed of it is a change too.
        assert [e.action for e in known if e.before is None] == [AuditAction.INSERT]
        assert known[0].after is not None
        assert {k: v for k, v in known[0].after.items() if k != "updated_at"} == row
        keys = [column.name for column in metadata.tables[table].primary_key]
        assert all(e.row_key == {key: row[key] for key in keys} for e in known)

        if table not in NEVER_CHANGED:
            self.change(session, ann, table, known)
        (row,) = rows(session, table, ann.user_id)
        session.execute(
            sa.text(f"delete from {table} where user_id = :u"),  # noqa: S608
            {"u": ann.user_id},
        )
        session.commit()
        last = entries(session, ann.user_id, table)[0]
        assert (last.action, last.after) == (AuditAction.DELETE, None)
        assert last.before is not None
        assert {k: v for k, v in last.before.items() if k != "updated_at"} == row

    @staticmethod
    def change(session: Session, ann: Household, table: str, known: list[AuditEntry]) -> None:
        session.execute(
            sa.text(
                f"update {table} set created_at = created_at - interval '1 day'"  # noqa: S608
                " where user_id = :u"
            ),
            {"u": ann.user_id},
        )
        session.commit()
        newest, *older = entries(session, ann.user_id, table)
        assert [e.id for e in older] == [e.id for e in known]
        assert newest.action == AuditAction.UPDATE
        assert newest.before is not None
        assert newest.after is not None
        assert newest.before["created_at"] != newest.after["created_at"]

    def test_a_write_that_changes_nothing_leaves_nothing(
        self, session: Session, ann: Household
    ) -> None:
        before = len(entries(session, ann.user_id))
        for table in AUDITED.keys() - NEVER_CHANGED:
            session.execute(sa.text(f"update {table} set created_at = created_at"))  # noqa: S608
        session.commit()

        assert len(entries(session, ann.user_id)) == before

    def test_of_what_a_sync_writes_only_the_users_columns_count(
        self, session: Session, ledger: Ledger
    ) -> None:
        row = book(session, ledger, DAY, "-5")
        row.description = "CARD PAYMENT"
        session.commit()
        assert entries(session, ledger.user.id) == []

        row.user_note = "for the picnic"
        session.commit()
        (entry,) = entries(session, ledger.user.id)
        assert (entry.table_name, entry.before, entry.after) == (
            "common.transactions",
            {"user_note": None},
            {"user_note": "for the picnic"},
        )

    def test_one_statement_over_many_rows_leaves_one_for_each(
        self, session: Session, ledger: Ledger
    ) -> None:
        names = {f"tag {number}" for number in range(30)}
        session.execute(
            sa.insert(Tag), [{"user_id": ledger.user.id, "name": name} for name in names]
        )
        session.execute(sa.update(Tag).values(colour="#ffffff"))
        session.commit()

        found = entries(session, ledger.user.id)
        assert len(found) == 60
        assert {(e.after or {})["name"] for e in found} == names
        assert all(
            (e.before or {})["name"] == (e.after or {})["name"]
            for e in found
            if e.action == AuditAction.UPDATE
        )
        assert len({e.change_set for e in found}) == 1

    def test_what_is_rolled_back_was_not(self, session: Session, ledger: Ledger) -> None:
        session.add(Tag(user_id=ledger.user.id, name="food"))
        session.flush()
        assert len(entries(session, ledger.user.id)) == 1
        session.rollback()

        assert entries(session, ledger.user.id) == []

    def test_names_who_did_it(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        add_tag(session, ledger, "by the platform")
        with sessions.begin() as other:
            name_actor(other, "write_back:run-1")
            other.add(Tag(user_id=ledger.user.id, name="by a run"))
        with user_session(sessions, ledger.user.id) as own:
            own.add(Tag(user_id=ledger.user.id, name="by the user"))

        actors = [entry.actor for entry in entries(session, ledger.user.id)]
        assert actors == ["user", "write_back:run-1", "system"]

    @pytest.mark.parametrize(
        "statement",
        [
            "update common.audit_log set actor = 'nobody'",
            "delete from common.audit_log",
            "truncate common.audit_log",
            "truncate auth.users cascade",
        ],
    )
    def test_nobody_rewrites_it(self, session: Session, ledger: Ledger, statement: str) -> None:
        add_tag(session, ledger, "food")

        with pytest.raises(sa.exc.ProgrammingError, match="append-only"):
            session.execute(sa.text(statement))
        session.rollback()
        assert len(entries(session, ledger.user.id)) == 1

    def test_goes_with_its_user_and_leaves_others(self, session: Session, ledger: Ledger) -> None:
        other = make_ledger(session)
        add_tag(session, ledger, "food")
        add_tag(session, other, "food")
        session.execute(sa.text("delete from auth.users where id = :u"), {"u": ledger.user.id})
        session.commit()

        assert set(session.scalars(sa.select(AuditEntry.user_id))) == {other.user.id}

    def test_filters(self, session: Session, ledger: Ledger) -> None:
        food, fuel = add_tag(session, ledger, "food"), add_tag(session, ledger, "fuel")
        fuel.colour = "#000000"
        session.commit()

        def names(**filters: Any) -> list[str]:
            page = audit_log.list_entries(session, ledger.user.id, **filters)
            return [(entry.after or {})["name"] for entry in page.items]

        newest = entries(session, ledger.user.id)[0]
        assert names(row_key={"id": str(food.id)}) == ["food"]
        assert names(change_set=newest.change_set) == ["fuel"]
        assert names(since=newest.occurred_at) == ["fuel"]
        assert names(table_name="common.tags") == ["fuel", "fuel", "food"]
        assert names(table_name="common.transfers") == []
        assert audit_log.list_entries(session, make_ledger(session).user.id).items == []
        assert audit_log.get_entry(session, ledger.user.id, newest.id) is newest
        assert audit_log.get_entry(session, uuid.uuid4(), newest.id) is None
        with pytest.raises(OperationError, match="cursor"):
            audit_log.list_entries(session, ledger.user.id, after="bm90IGE")


class TestUndo:
    def test_an_update(self, session: Session, ledger: Ledger) -> None:
        tag = add_tag(session, ledger, "food")
        tag.name = "fuel"
        session.commit()

        audit_log.undo(session, ledger.user.id, entries(session, ledger.user.id)[0].id)

        assert tag.name == "food"
        newest = entries(session, ledger.user.id)[0]
        assert newest.actor.startswith("undo:")

    def test_a_creation_and_a_deletion(self, session: Session, ledger: Ledger) -> None:
        add_tag(session, ledger, "food")
        (before,) = rows(session, "common.tags", ledger.user.id)
        audit_log.undo(session, ledger.user.id, entries(session, ledger.user.id)[0].id)
        session.commit()
        assert rows(session, "common.tags", ledger.user.id) == []

        # The undoing is a change too: taking it back brings the row back as it was.
        audit_log.undo(session, ledger.user.id, entries(session, ledger.user.id)[0].id)
        session.commit()
        assert rows(session, "common.tags", ledger.user.id) == [before]

    def test_a_users_column_of_a_row_that_a_sync_writes(
        self, session: Session, ledger: Ledger
    ) -> None:
        accounts.rename_account(session, ledger.user.id, ledger.account.id, "Joint")
        session.commit()
        ledger.account.name = "as the bank calls it now"
        session.commit()

        audit_log.undo(session, ledger.user.id, entries(session, ledger.user.id)[0].id)

        assert ledger.account.display_name is None
        assert ledger.account.name == "as the bank calls it now"

    def test_a_dismissal_that_the_state_machine_has_no_way_back_from(
        self, session: Session, ledger: Ledger
    ) -> None:
        pattern = RecurringPattern(
            user_id=ledger.user.id,
            account_id=ledger.account.id,
            source=RecurringSource.MANUAL,
            direction=RecurringDirection.EXPENSE,
            currency="GBP",
        )
        session.add(pattern)
        session.commit()
        pattern.status = RecurringStatus.CANCELLED
        session.commit()
        dismissal = entries(session, ledger.user.id, "common.recurring_patterns")[0]

        audit_log.undo(session, ledger.user.id, dismissal.id)
        session.commit()
        session.refresh(pattern)
        assert pattern.status == RecurringStatus.PENDING

        # The way back was open for the undoing alone.
        pattern.status = RecurringStatus.CANCELLED
        session.commit()
        with pytest.raises(sa.exc.IntegrityError, match="cannot go from cancelled to pending"):
            session.execute(sa.update(RecurringPattern).values(status=RecurringStatus.PENDING))

    def test_a_whole_change_set_with_what_went_along(
        self, session: Session, ledger: Ledger
    ) -> None:
        tag = add_tag(session, ledger, "food")
        rule = TagRule(
            user_id=ledger.user.id, tag_id=tag.id, name="r", priority=1, conditions={"all": []}
        )
        session.add(rule)
        session.flush()
        row = book(session, ledger, DAY, "-5")
        session.add(
            TransactionSplit(
                user_id=ledger.user.id,
                transaction_id=row.id,
                tag_id=tag.id,
                amount=Decimal(-5),
                currency="GBP",
                source=SplitSource.RULE,
                rule_id=rule.id,
            )
        )
        session.commit()
        tables = ("common.tags", "common.tag_rules", "common.transaction_splits")
        before = {table: rows(session, table, ledger.user.id) for table in tables}

        session.execute(sa.delete(Tag).where(Tag.id == tag.id))
        session.commit()
        assert {table: rows(session, table, ledger.user.id) for table in tables} != before
        last = entries(session, ledger.user.id)[0]
        # The split lost its tag and its rule: two changes, one after the other.
        second, first = (
            entry
            for entry in entries(session, ledger.user.id)
            if entry.table_name == "common.transaction_splits"
            and entry.change_set == last.change_set
        )
        assert first.after == second.before
        count = audit_log.undo_change_set(session, ledger.user.id, last.change_set)
        session.commit()

        assert count >= 3
        assert {table: rows(session, table, ledger.user.id) for table in tables} == before

    def test_what_was_changed_again_is_not_overwritten(
        self, session: Session, ledger: Ledger
    ) -> None:
        tag = add_tag(session, ledger, "food")
        for name in ("fuel", "fun"):
            tag.name = name
            session.commit()
        older = entries(session, ledger.user.id)[1]

        with pytest.raises(ChangedSinceError, match=str(older.id)):
            audit_log.undo(session, ledger.user.id, older.id)
        session.delete(tag)
        session.commit()
        with pytest.raises(ChangedSinceError):
            audit_log.undo(session, ledger.user.id, older.id)

    def test_what_does_not_fit_any_more_is_refused_and_breaks_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        user_id = ledger.user.id
        tag, other = (add_tag(session, ledger, name) for name in ("food", "fuel"))
        row = book(session, ledger, DAY, "-10")
        transaction_splits.set_tag(session, user_id, row.id, tag.id)
        session.commit()
        transaction_splits.set_splits(
            session, user_id, row.id, [Part(tag.id, Decimal(-4)), Part(other.id)]
        )
        session.commit()
        transaction_splits.clear_splits(session, user_id, row.id)
        session.commit()
        session.delete(tag)
        session.commit()
        taken_off = entries(session, user_id, "common.transaction_splits")[:2]

        # The tag of one part is gone, and the other alone is not the whole.
        for entry in taken_off:
            with pytest.raises(ChangedSinceError):
                audit_log.undo(session, user_id, entry.id)
        with pytest.raises(ChangedSinceError):
            audit_log.undo_change_set(session, user_id, taken_off[0].change_set)
        session.commit()
        assert transaction_splits.splits_of(session, user_id, [row.id]) == []

    def test_what_is_done_after_it_is_the_users_again(
        self, session: Session, ledger: Ledger
    ) -> None:
        tag = add_tag(session, ledger, "food")
        tag.name = "fuel"
        session.commit()
        name_actor(session, "ann's phone")
        audit_log.undo(session, ledger.user.id, entries(session, ledger.user.id)[0].id)
        session.add(Tag(user_id=ledger.user.id, name="fun"))
        session.commit()

        assert entries(session, ledger.user.id)[0].actor == "ann's phone"

    def test_a_change_set_goes_back_whole_or_not_at_all(
        self, session: Session, ledger: Ledger
    ) -> None:
        session.add_all(Tag(user_id=ledger.user.id, name=name) for name in ("food", "fuel"))
        session.commit()
        made = entries(session, ledger.user.id)[0].change_set
        session.execute(sa.update(Tag).where(Tag.name == "food").values(colour="#000000"))
        session.commit()

        with pytest.raises(ChangedSinceError):
            audit_log.undo_change_set(session, ledger.user.id, made)
        assert len(rows(session, "common.tags", ledger.user.id)) == 2

    def test_of_another_users_change_is_no_change(self, session: Session, ledger: Ledger) -> None:
        add_tag(session, ledger, "food")
        entry = entries(session, ledger.user.id)[0]
        stranger = make_ledger(session).user.id

        with pytest.raises(NotFoundError, match=str(entry.id)):
            audit_log.undo(session, stranger, entry.id)
        with pytest.raises(NotFoundError, match=str(entry.change_set)):
            audit_log.undo_change_set(session, stranger, entry.change_set)

    def test_works_for_the_application_too(
        self, session: Session, sessions: sessionmaker[Session], ledger: Ledger
    ) -> None:
        add_tag(session, ledger, "food")
        entry_id = entries(session, ledger.user.id)[0].id
        with user_session(sessions, ledger.user.id) as own:
            audit_log.undo(own, ledger.user.id, entry_id)

        assert rows(session, "common.tags", ledger.user.id) == []


changes = st.lists(
    st.tuples(
        st.sampled_from(["add", "rename", "paint", "remove"]),
        st.integers(0, 3),
        st.sampled_from(["#000000", "#ffffff"]),
    ),
    min_size=1,
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(changes=changes)
def test_undoing_all_in_reverse_gives_the_beginning(
    session: Session, ledger: Ledger, changes: list[tuple[str, int, str]]
) -> None:
    before = rows(session, "common.tags", ledger.user.id)
    known = len(entries(session, ledger.user.id))
    for number, (kind, place, colour) in enumerate(changes):
        tags = session.scalars(sa.select(Tag).order_by(Tag.name)).all()
        name = f"{uuid.uuid4()} {number}"
        if kind == "add" or not tags:
            session.add(Tag(user_id=ledger.user.id, name=name))
        elif kind == "rename":
            tags[place % len(tags)].name = name
        elif kind == "paint":
            tags[place % len(tags)].colour = colour
        else:
            session.delete(tags[place % len(tags)])
        session.commit()

    made = entries(session, ledger.user.id)
    for entry in made[: len(made) - known]:
        audit_log.undo(session, ledger.user.id, entry.id)
        session.commit()

    assert rows(session, "common.tags", ledger.user.id) == before
