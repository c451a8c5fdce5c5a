"""What detection proposes never overrides, moves or resurrects what the user decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from postgres.common.enums import (
    AccountCategory,
    AccountType,
    RecurringSource,
    RecurringStatus,
    TransactionStatus,
)
from postgres.common.models import (
    Account,
    Merchant,
    RecurringAlias,
    RecurringPattern,
    RecurringPatternTransaction,
    Transaction,
)
from postgres.common.operations import recurring_pattern_transactions as payments
from postgres.common.operations import recurring_patterns as patterns
from postgres.core import WriteCounts
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant
from tests.postgres.recurring import (
    ACTIVE,
    AT,
    CANCELLED,
    EXPENSE,
    MONTHLY,
    PAUSED,
    PENDING,
    date,
    decide,
    every,
    found,
    links_of,
    only,
    record,
    rolled_back,
    series,
)


@pytest.fixture
def session(server_url: str, template: str) -> Iterator[Session]:
    yield from rolled_back(server_url, template)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def second_account(session: Session, ledger: Ledger, **values: Any) -> Account:
    account = Account(
        **{
            "user_id": ledger.user.id,
            "institution_id": ledger.institution.id,
            "account_number": "GB99SECOND",
            "currency": "GBP",
            "account_type": AccountType.BANK,
            "category": AccountCategory.BANK_ACCOUNT,
            "name": "Second",
            **values,
        }
    )
    session.add(account)
    session.flush()
    return account


class TestFindings:
    def test_are_proposed_and_a_repeat_changes_nothing(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = series(session, ledger, "2026-01-01", 3)
        links = [(row, "k") for row in rows]
        assert record(session, [found(ledger, "k")], links) == WriteCounts(inserted=1)

        before = session.scalar(sa.text("select max(xmin::text::bigint) from common.audit_log"))
        assert record(session, [found(ledger, "k")], links) == WriteCounts(unchanged=1)

        after = session.scalar(sa.text("select max(xmin::text::bigint) from common.audit_log"))
        assert after == before
        pattern = only(session, ledger)
        assert (pattern.status, pattern.source) == (PENDING, RecurringSource.DETECTED)
        assert pattern.amount_tolerance_pct == 10
        assert links_of(session, pattern) == {row.id: "detected" for row in rows}

    @pytest.mark.parametrize("status", [ACTIVE, CANCELLED])
    def test_leave_decisions_and_edits_alone(
        self, session: Session, ledger: Ledger, status: RecurringStatus
    ) -> None:
        record(session, [found(ledger, "k")])
        pattern = decide(session, only(session, ledger), status)
        patterns.update_pattern(
            session, ledger.user.id, pattern.id, name="Films", amount=Decimal(-12)
        )

        drifted = found(ledger, "k", detected_amount=Decimal(-11), detected_name="netflix com")
        record(session, [drifted])

        after = only(session, ledger)
        assert after.id == pattern.id
        assert (after.status, after.amount, after.name) == (status, Decimal(-12), "Films")
        assert (after.detected_amount, after.detected_name) == (Decimal(-11), "netflix com")
        assert after.decided_at == AT

    def test_that_are_gone_are_withdrawn_unless_the_user_did_something(
        self, session: Session, ledger: Ledger
    ) -> None:
        names = ["accepted", "renamed", "re-dated", "retold", "linked", "unlinked", "untouched"]
        rows = series(session, ledger, "2026-01-01", 2)
        record(
            session,
            [found(ledger, name, detected_name=name) for name in names],
            [(rows[0], "unlinked")],
        )
        user = ledger.user.id
        by = {pattern.name: pattern.id for pattern in every(session, ledger)}
        patterns.change_status(session, user, by["accepted"], ACTIVE, at=AT)
        patterns.update_pattern(session, user, by["renamed"], name="mine")
        patterns.update_pattern(session, user, by["re-dated"], next_date=date("2026-05-05"))
        patterns.update_pattern(session, user, by["retold"], merchant_contains="x")
        payments.link_transaction(session, user, by["linked"], rows[1].id)
        payments.unlink_transaction(session, user, by["unlinked"], rows[0].id)

        record(session, [])

        assert {each.detection_key for each in every(session, ledger)} == set(names) - {"untouched"}

    def test_that_ended_are_not_proposed_but_known_ones_are_told_so(
        self, session: Session, ledger: Ledger
    ) -> None:
        ended = found(ledger, "k", detected_is_ended=True, detected_next_date=None)
        record(session, [ended])
        assert every(session, ledger) == []

        record(session, [found(ledger, "k")])
        decide(session, only(session, ledger), ACTIVE)
        record(session, [ended])

        pattern = only(session, ledger)
        assert pattern.status is ACTIVE
        assert pattern.detected_is_ended

        untouched = found(ledger, "other", detected_name="gym", detected_amount=Decimal(-30))
        record(session, [ended, untouched])
        record(session, [ended, {**untouched, "detected_is_ended": True}])
        assert [each.detection_key for each in every(session, ledger)] == ["k"]

    def test_move_what_a_run_linked_and_nothing_else(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = series(session, ledger, "2025-10-01", 6)
        user = ledger.user.id
        both = [
            found(ledger, "a", detected_name="gym", detected_amount=Decimal(-30)),
            found(ledger, "b"),
        ]
        record(session, both, [(row, "a") for row in rows[:4]])
        by = {each.detection_key: each for each in every(session, ledger)}
        payments.link_transaction(session, user, by["a"].id, rows[4].id)
        payments.unlink_transaction(session, user, by["a"].id, rows[0].id)

        record(
            session,
            both,
            [
                (rows[0], "a"),  # taken out by hand
                (rows[1], "a"),
                (rows[2], "b"),
                # rows[3] is in neither any more
                (rows[4], "b"),  # put into a by hand
                (rows[5], "b"),
            ],
        )

        assert links_of(session, by["a"]) == {rows[1].id: "detected", rows[4].id: "manual"}
        assert links_of(session, by["b"]) == {rows[2].id: "detected", rows[5].id: "detected"}

    def test_of_one_user_never_touch_another(self, session: Session, ledger: Ledger) -> None:
        other = make_ledger(session)
        mine, theirs = (series(session, each, "2026-01-01", 3) for each in (ledger, other))
        record(session, [found(ledger, "k")], [(row, "k") for row in mine])
        decide(session, only(session, ledger), CANCELLED)

        record(
            session,
            [found(ledger, "k"), found(other, "k"), found(other, "k2", detected_name="gym")],
            [(row, "k") for row in (*mine, *theirs)],
        )

        assert only(session, ledger).status is CANCELLED
        assert [(each.detection_key, each.status) for each in every(session, other)] == [
            ("k", PENDING), ("k2", PENDING),
        ] or [each.detection_key for each in every(session, other)] == ["k2", "k"]  # fmt: skip

    def test_are_as_many_statements_whatever_their_number(
        self, session: Session, ledger: Ledger
    ) -> None:
        counts, connection = [], session.connection()
        for number in (1, 40):
            statements: list[str] = []

            def listen(*arguments: Any, seen: list[str] = statements) -> None:
                seen.append(arguments[2])

            findings = [
                found(ledger, f"{number}-{i}", detected_name=f"shop {number} {i}")
                for i in range(number)
            ]
            record(session, [])
            with_links = [(book(session, ledger, date("2026-03-01"), "-9.99"), f"{number}-0")]
            sa.event.listen(connection, "before_cursor_execute", listen)
            record(session, findings, with_links)
            sa.event.remove(connection, "before_cursor_execute", listen)
            counts.append(len(statements))

        assert counts[0] == counts[1]


class TestTombstones:
    """A dismissed series comes back under another key, and is known."""

    @pytest.fixture
    def rows(self, session: Session, ledger: Ledger) -> list[Transaction]:
        """Seven payments; the first six were found and the series dismissed."""
        rows = series(session, ledger, "2025-09-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows[:6]])
        decide(session, only(session, ledger), CANCELLED)
        return rows

    @pytest.mark.parametrize(
        "drift",
        [
            {},
            {"detected_name": "nflx digital"},
            {"detected_amount": Decimal("-19.99")},
            {"detected_name": "nflx digital", "detected_amount": Decimal("-19.99")},
            {"detected_frequency": "four_weekly", "detected_next_date": date("2026-04-12")},
        ],
        ids=["key", "name", "amount", "name and amount", "rhythm"],
    )
    def test_by_its_payments_whatever_drifts(
        self, session: Session, ledger: Ledger, rows: list[Transaction], drift: dict[str, Any]
    ) -> None:
        record(session, [found(ledger, "now", **drift)], [(row, "now") for row in rows[2:]])

        pattern = only(session, ledger)
        assert (pattern.status, pattern.detection_key) == (CANCELLED, "was")
        assert set(links_of(session, pattern)) == {row.id for row in rows}

    def test_through_one_change_after_another(self, session: Session, ledger: Ledger) -> None:
        rows = series(session, ledger, "2025-01-01", 15)
        record(session, [found(ledger, "0")], [(row, "0") for row in rows[:5]])
        decide(session, only(session, ledger), CANCELLED)

        for n in range(1, 6):
            drifted = found(
                ledger,
                str(n),
                detected_name=f"shop {'abcdef'[n] * 9}",
                detected_amount=Decimal(-10 * 2**n),
            )
            record(session, [drifted], [(row, str(n)) for row in rows[2 * n : 2 * n + 5]])
            assert only(session, ledger).status is CANCELLED

        assert only(session, ledger).detection_key == "0"

    def test_when_it_falls_in_two(
        self, session: Session, ledger: Ledger, rows: list[Transaction]
    ) -> None:
        halves = [found(ledger, "was"), found(ledger, "now", detected_amount=Decimal("-15.49"))]

        record(session, halves, [*((r, "was") for r in rows[:3]), *((r, "now") for r in rows[3:])])

        assert only(session, ledger).status is CANCELLED
        assert set(links_of(session, only(session, ledger))) == {row.id for row in rows}

    def test_when_it_was_not_found_for_a_while(
        self, session: Session, ledger: Ledger, rows: list[Transaction]
    ) -> None:
        record(session, [])
        record(session, [found(ledger, "other", detected_name="gym")])
        record(session, [found(ledger, "now", detected_name="x")], [(r, "now") for r in rows])

        assert {each.detection_key: each.status for each in every(session, ledger)} == {
            "was": CANCELLED
        }

    @pytest.mark.parametrize(
        "drift",
        [
            {},
            {"detected_name": "netflix com"},
            {"detected_name": "payments netflix"},
            {"detected_amount": Decimal("-14.99")},
            {"detected_name": "netflix.com", "detected_amount": Decimal("-6.49")},
            {"detected_next_date": date("2026-04-06")},
            {"detected_next_date": date("2026-03-27")},
            {"detected_next_date": None, "detected_is_ended": True},
        ],
        ids=str,
    )
    def test_by_merchant_rhythm_and_price_where_the_bank_replaced_its_rows(
        self, session: Session, ledger: Ledger, drift: dict[str, Any]
    ) -> None:
        old = series(session, ledger, "2025-09-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in old])
        decide(session, only(session, ledger), CANCELLED)
        for row in old:
            row.status = TransactionStatus.VOID
        new = series(session, ledger, "2025-09-01", 7)

        record(session, [found(ledger, "now", **drift)], [(row, "now") for row in new])

        assert only(session, ledger).status is CANCELLED

    def test_by_the_same_merchant_whatever_its_name(self, session: Session, ledger: Ledger) -> None:
        merchant = make_merchant(session, ledger, "nflx")
        record(session, [found(ledger, "was", merchant_id=merchant.id)])
        decide(session, only(session, ledger), CANCELLED)

        record(
            session, [found(ledger, "now", merchant_id=merchant.id, detected_name="quite other")]
        )

        assert only(session, ledger).status is CANCELLED

    def test_when_payments_go_on_after_the_last_one_known(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = series(session, ledger, "2025-09-01", 6)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows])
        decide(session, only(session, ledger), CANCELLED)
        # Detection forgot the old ones and finds the new price by itself.
        new = series(session, ledger, "2026-05-01", 3, "-12.99")
        dearer = found(
            ledger,
            "now",
            detected_amount=Decimal("-12.99"),
            detected_next_date=date("2026-08-01"),
            detected_last_date=date("2026-07-01"),
        )

        record(session, [dearer], [(row, "now") for row in new])

        assert only(session, ledger).status is CANCELLED

    def test_on_the_account_that_is_connected_again(self, session: Session, ledger: Ledger) -> None:
        rows = series(session, ledger, "2025-09-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows])
        decide(session, only(session, ledger), CANCELLED)
        number = ledger.account.account_number
        session.delete(ledger.account)
        session.flush()
        session.expire_all()
        assert only(session, ledger).account_id is None
        again = second_account(session, ledger, account_number=number)
        other = second_account(session, ledger, account_number="GB00OTHER")

        record(
            session,
            [
                found(ledger, "again", account_id=again.id),
                found(ledger, "other", account_id=other.id),
            ],
        )

        # Elsewhere it is another decision: a deleted account's pattern is not widened.
        assert {
            each.detection_key: (each.status, each.account_id) for each in every(session, ledger)
        } == {
            "was": (CANCELLED, again.id),
            "other": (PENDING, other.id),
        }

    def test_under_the_account_number_that_the_bank_gave_instead(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = series(session, ledger, "2025-06-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows])
        decide(session, only(session, ledger), CANCELLED)
        renumbered = second_account(session, ledger)

        record(session, [found(ledger, "now", account_id=renumbered.id)])

        assert only(session, ledger).status is CANCELLED

    @pytest.mark.parametrize(
        "other", [{"currency": "EUR"}, {"institution": True}, {"is_alive": True}], ids=str
    )
    def test_but_not_on_another_account(
        self, session: Session, ledger: Ledger, other: dict[str, Any]
    ) -> None:
        rows = series(session, ledger, "2025-06-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows])
        decide(session, only(session, ledger), CANCELLED)
        values: dict[str, Any] = {}
        if "institution" in other:
            values["institution_id"] = make_ledger(session).institution.id
        elif "currency" in other:
            values["currency"] = "EUR"
        else:
            book(session, ledger, date("2026-03-01"), "-1")
        account = second_account(session, ledger, **values)

        record(session, [found(ledger, "now", account_id=account.id)])

        assert sorted(each.status for each in every(session, ledger)) == [CANCELLED, PENDING]

    @pytest.mark.parametrize(
        "different",
        [
            {"detected_name": "spotify"},
            {"detected_amount": Decimal("-4.99")},
            {"detected_amount": Decimal("-17.99")},
            {"detected_next_date": date("2026-04-08")},
            {"detected_next_date": date("2026-03-25")},
            {"detected_frequency": "weekly"},
            {"direction": "income", "detected_amount": Decimal("9.99")},
            {"currency": "EUR"},
        ],
        ids=str,
    )
    def test_but_not_what_differs(
        self, session: Session, ledger: Ledger, different: dict[str, Any]
    ) -> None:
        record(session, [found(ledger, "was")])
        decide(session, only(session, ledger), CANCELLED)

        record(session, [found(ledger, "now", **different)])

        assert sorted(each.status for each in every(session, ledger)) == [CANCELLED, PENDING]

    def test_but_not_a_second_series_of_the_merchant_beside_it(
        self, session: Session, ledger: Ledger
    ) -> None:
        first = series(session, ledger, "2025-09-01", 7)
        second = series(session, ledger, "2025-09-02", 7, "-11.99")
        record(session, [found(ledger, "was")], [(row, "was") for row in first])
        decide(session, only(session, ledger), CANCELLED)
        beside = found(ledger, "second", detected_amount=Decimal("-11.99"))

        record(
            session,
            [found(ledger, "was"), beside],
            [*((row, "was") for row in first), *((row, "second") for row in second)],
        )
        assert {each.detection_key: each.status for each in every(session, ledger)} == {
            "was": CANCELLED,
            "second": PENDING,
        }

        # Nor when the dismissed one is not found any more.
        record(session, [beside], [(row, "second") for row in second])
        assert len(every(session, ledger)) == 2

    def test_but_not_one_that_begins_on_the_day_of_its_last_payment(
        self, session: Session, ledger: Ledger
    ) -> None:
        first = series(session, ledger, "2025-09-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in first])
        decide(session, only(session, ledger), CANCELLED)
        second = series(session, ledger, "2026-03-01", 3, "-11.99")
        beside = found(
            ledger,
            "second",
            detected_amount=Decimal("-11.99"),
            detected_last_date=date("2026-05-01"),
            detected_next_date=date("2026-06-01"),
        )

        record(session, [beside], [(row, "second") for row in second])

        assert {each.detection_key: each.status for each in every(session, ledger)} == {
            "was": CANCELLED,
            "second": PENDING,
        }

    def test_but_not_one_that_ran_beside_it_when_it_was_still_found(
        self, session: Session, ledger: Ledger
    ) -> None:
        first = series(session, ledger, "2025-09-01", 7)
        second = series(session, ledger, "2025-09-02", 7, "-11.99")
        record(session, [found(ledger, "was")], [(row, "was") for row in first])
        decide(session, only(session, ledger), CANCELLED)

        record(
            session,
            [found(ledger, "second", detected_amount=Decimal("-11.99"))],
            [(row, "second") for row in second],
        )

        assert len(every(session, ledger)) == 2

    def test_but_one_wrong_payment_makes_no_other_series_the_same(
        self, session: Session, ledger: Ledger
    ) -> None:
        first = series(session, ledger, "2025-09-01", 6)
        second = series(session, ledger, "2025-09-15", 6, "-40")
        record(session, [found(ledger, "was")], [(row, "was") for row in (*first, *second[:2])])
        decide(session, only(session, ledger), CANCELLED)

        record(
            session,
            [
                found(ledger, "was"),
                found(
                    ledger,
                    "gym",
                    detected_name="gym",
                    detected_amount=Decimal(-40),
                    detected_next_date=date("2026-03-15"),
                ),
            ],
            [*((row, "was") for row in first), *((row, "gym") for row in second[:4])],
        )

        assert len(every(session, ledger)) == 2
        gym = next(each for each in every(session, ledger) if each.detection_key == "gym")
        assert set(links_of(session, gym)) == {row.id for row in second[:4]}

    def test_and_of_two_findings_only_the_nearer_price_is_it(
        self, session: Session, ledger: Ledger
    ) -> None:
        record(session, [found(ledger, "was")])
        decide(session, only(session, ledger), CANCELLED)

        record(
            session,
            [
                found(ledger, "dear", detected_amount=Decimal("-14.99")),
                found(ledger, "near", detected_amount=Decimal("-10.99")),
            ],
        )

        assert {each.detection_key: each.status for each in every(session, ledger)} == {
            "was": CANCELLED,
            "dear": PENDING,
        }
        assert session.scalars(sa.select(RecurringAlias.detection_key)).all() == ["near"]

    def test_and_where_a_live_and_a_dismissed_one_fit_alike_the_dismissal_stands(
        self, session: Session, ledger: Ledger
    ) -> None:
        record(session, [found(ledger, "live"), found(ledger, "dead")])
        by = {each.detection_key: each for each in every(session, ledger)}
        decide(session, by["live"], ACTIVE)
        decide(session, by["dead"], CANCELLED)

        record(session, [found(ledger, "now")])

        alias = session.scalars(sa.select(RecurringAlias)).one()
        assert alias.pattern_id == by["dead"].id

    @settings(
        max_examples=12,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        amounts=st.lists(st.integers(100, 100_000), min_size=1, max_size=4),
        names=st.lists(st.text("abcdefgh xyz", min_size=1, max_size=12), min_size=1, max_size=4),
        overlap=st.integers(2, 6),
        decision=st.sampled_from([CANCELLED, ACTIVE]),
    )
    def test_never_come_back_while_payments_tell(
        self,
        session: Session,
        amounts: list[int],
        names: list[str],
        overlap: int,
        decision: RecurringStatus,
    ) -> None:
        ledger = make_ledger(session)
        rows = series(session, ledger, "2024-01-01", 30)
        known = 6
        record(session, [found(ledger, "0")], [(row, "0") for row in rows[:6]])
        decide(session, only(session, ledger), decision)

        for n, (amount, name) in enumerate(zip(amounts, names, strict=False), 1):
            finding = found(
                ledger, str(n), detected_name=name, detected_amount=-Decimal(amount).scaleb(-2)
            )
            # The smaller side is the finding, and half of it is known.
            shown = rows[known - overlap : known + overlap]
            known += overlap
            record(session, [finding], [(row, str(n)) for row in shown])

            assert only(session, ledger).status is decision


class TestLivePatterns:
    def test_continue_under_a_new_key(self, session: Session, ledger: Ledger) -> None:
        rows = series(session, ledger, "2025-09-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows[:6]])
        pattern = decide(session, only(session, ledger), ACTIVE)
        patterns.update_pattern(session, ledger.user.id, pattern.id, name="Films")

        dearer = found(ledger, "now", detected_name="nflx", detected_amount=Decimal(-12))
        record(session, [dearer], [(row, "now") for row in rows[1:]])
        assert record(session, [dearer], [(row, "now") for row in rows[1:]]) == WriteCounts(
            unchanged=1
        )

        after = only(session, ledger)
        assert (after.id, after.status, after.name) == (pattern.id, ACTIVE, "Films")
        assert after.amount == -12

    def test_an_untouched_proposal_continues_and_is_not_proposed_twice(
        self, session: Session, ledger: Ledger
    ) -> None:
        record(session, [found(ledger, "was")])
        pattern = only(session, ledger)

        record(session, [found(ledger, "now", detected_name="netflix com")])

        assert only(session, ledger).id == pattern.id

    def test_made_by_hand_is_what_detection_finds_later(
        self, session: Session, ledger: Ledger
    ) -> None:
        netflix = make_merchant(session, ledger, "netflix")
        rows = series(session, ledger, "2025-11-01", 5, merchant=netflix)
        mine = _by_hand(session, ledger, netflix)

        record(session, [found(ledger, "k")], [(row, "k") for row in rows])

        pattern = only(session, ledger)
        assert (pattern.id, pattern.source, pattern.status) == (
            mine.id, RecurringSource.MANUAL, ACTIVE,
        )  # fmt: skip
        assert pattern.detection_key == "k"
        assert (pattern.detected_amount, pattern.amount) == (Decimal("-9.99"), Decimal(-10))

    def test_made_by_hand_takes_the_place_of_what_was_proposed(
        self, session: Session, ledger: Ledger
    ) -> None:
        netflix = make_merchant(session, ledger, "netflix")
        rows = series(session, ledger, "2025-11-01", 5, merchant=netflix)
        links = [(row, "k") for row in rows]
        record(session, [found(ledger, "k")], links)
        mine = _by_hand(session, ledger, netflix)
        assert set(links_of(session, mine)) == {row.id for row in rows}

        record(session, [found(ledger, "k")], links)

        assert only(session, ledger).id == mine.id
        record(session, [found(ledger, "k")], links)
        assert only(session, ledger).detection_key == "k"

    def test_two_proposals_are_never_made_one(self, session: Session, ledger: Ledger) -> None:
        rows = series(session, ledger, "2025-09-01", 8)
        both = [found(ledger, "a"), found(ledger, "b")]
        record(session, both, [*((r, "a") for r in rows[:4]), *((r, "b") for r in rows[4:])])

        record(session, both, [*((r, "a") for r in rows[:2]), *((r, "b") for r in rows[2:])])

        assert len(every(session, ledger)) == 2

    def test_the_finding_that_tells_most_is_the_one_that_counts(
        self, session: Session, ledger: Ledger
    ) -> None:
        rows = series(session, ledger, "2025-09-01", 7)
        record(session, [found(ledger, "was")], [(row, "was") for row in rows])
        decide(session, only(session, ledger), ACTIVE)
        old = found(ledger, "was", detected_last_date=date("2025-11-01"))
        new = found(ledger, "now", detected_amount=Decimal(-12))
        links = [*((r, "was") for r in rows[:3]), *((r, "now") for r in rows[3:])]
        record(session, [old, new], links)
        assert only(session, ledger).amount == -12

        record(session, [{**old, "detected_last_date": date("2026-05-01")}, new], links)
        assert only(session, ledger).amount == Decimal("-9.99")
        record(
            session,
            [
                {
                    **old,
                    "detected_last_date": date("2026-05-01"),
                    "detected_is_ended": True,
                    "detected_next_date": None,
                },
                new,
            ],
            links,
        )
        assert only(session, ledger).amount == -12
        assert not only(session, ledger).detected_is_ended
        surer = {**new, "detection_key": "was", "detected_amount": Decimal(-13)}
        record(session, [{**surer, "detected_confidence": Decimal("0.95")}, new], links)
        assert only(session, ledger).amount == -13


def _by_hand(session: Session, ledger: Ledger, merchant: Merchant) -> RecurringPattern:
    return patterns.create_pattern(
        session,
        ledger.user.id,
        account_id=ledger.account.id,
        direction=EXPENSE,
        currency="GBP",
        frequency=MONTHLY,
        at=AT,
        name="Films",
        amount=Decimal(-10),
        next_date=date("2026-04-01"),
        merchant_id=merchant.id,
    )


class TestDates:
    """What detection says of the next day, and what is made of it when it says nothing more."""

    @pytest.mark.parametrize(
        ("frequency", "days"),
        [
            ("monthly", "2026-01-31 2026-02-28 2026-03-31"),
            ("monthly", "2026-01-30 2026-02-28 2026-03-30"),
            ("monthly", "2026-01-28 2026-02-28 2026-03-28"),
            ("monthly", "2026-02-28 2026-03-31 2026-04-30"),
            ("monthly", "2026-01-15 2026-02-15 2026-03-15"),
            ("monthly", "2026-01-31 2026-02-27 2026-03-27"),
            ("weekly", "2026-01-31 2026-02-07 2026-02-14"),
            ("weekly", "2026-02-21 2026-02-28 2026-03-07"),
            ("annual", "2024-02-29 2025-02-28 2026-02-28"),
            ("quarterly", "2025-08-31 2025-11-30 2026-02-28"),
        ],
    )
    def test_a_short_month_does_not_move_the_day(
        self, session: Session, ledger: Ledger, frequency: str, days: str
    ) -> None:
        last, following, then = days.split()
        first = book(session, ledger, date(last), "-9.99")
        finding = found(
            ledger,
            "k",
            detected_frequency=frequency,
            detected_last_date=date(last),
            detected_next_date=date(following),
        )
        record(session, [finding], [(first, "k")])
        at = dt.datetime.combine(date(last), dt.time(12), dt.UTC)
        pattern = decide(session, only(session, ledger), ACTIVE, at=at)
        assert pattern.next_date == date(following)

        paid = book(session, ledger, date(following), "-9.99")
        payments.link_transaction(session, ledger.user.id, pattern.id, paid.id)

        assert (pattern.last_date, pattern.next_date) == (date(following), date(then))

    def test_the_anchor_outlives_the_short_month_and_follows_a_real_change(
        self, session: Session, ledger: Ledger
    ) -> None:
        def after(last: str, following: str) -> dt.date | None:
            record(
                session,
                [
                    found(
                        ledger,
                        "k",
                        detected_last_date=date(last),
                        detected_next_date=date(following),
                    )
                ],
            )
            return only(session, ledger).detected_anchor_date

        assert after("2025-12-31", "2026-01-31") == date("2026-01-31")
        assert after("2026-01-31", "2026-02-28") == date("2026-01-31")
        assert after("2026-02-28", "2026-03-31") == date("2026-01-31")
        assert after("2026-03-31", "2026-04-28") == date("2026-04-28")
        assert after("2026-04-28", "2026-05-28") == date("2026-04-28")

    def test_the_day_shown_is_the_working_day_and_the_rhythm_that_of_the_day_before_it_moved(
        self, session: Session, ledger: Ledger
    ) -> None:
        """The 28th; in February 2026 a Saturday, and in March as well."""
        paid = book(session, ledger, date("2026-01-28"), "-9.99")
        finding = found(
            ledger,
            "k",
            detected_last_date=date("2026-01-28"),
            detected_next_date=date("2026-03-02"),
            detected_nominal_date=date("2026-02-28"),
        )
        record(session, [finding], [(paid, "k")])
        at = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)
        pattern = decide(session, only(session, ledger), ACTIVE, at=at)
        assert (pattern.next_date, pattern.anchor_date) == (date("2026-03-02"), date("2026-02-28"))

        moved = book(session, ledger, date("2026-03-02"), "-9.99")
        payments.link_transaction(session, ledger.user.id, pattern.id, moved.id)
        assert pattern.next_date == date("2026-03-28")

        after = {
            **finding,
            "detected_last_date": date("2026-03-02"),
            "detected_next_date": date("2026-03-27"),
            "detected_nominal_date": date("2026-03-28"),
        }
        record(session, [after], [(paid, "k"), (moved, "k")])
        assert only(session, ledger).next_date == date("2026-03-27")

        patterns.update_pattern(session, ledger.user.id, pattern.id, next_date=date("2026-04-05"))
        assert only(session, ledger).next_date == date("2026-04-05")

    def test_a_proposal_shows_what_detection_says(self, session: Session, ledger: Ledger) -> None:
        record(session, [found(ledger, "k", detected_next_date=date("2026-09-07"))])
        assert only(session, ledger).next_date == date("2026-09-07")

        pattern = patterns.update_pattern(
            session, ledger.user.id, only(session, ledger).id, next_date=date("2026-05-02")
        )
        assert pattern.next_date == date("2026-05-02")

    def test_what_ended_is_waited_for_once_more_and_then_no_longer(
        self, session: Session, ledger: Ledger
    ) -> None:
        record(session, [found(ledger, "k")])
        decide(session, only(session, ledger), ACTIVE)
        ended = found(ledger, "k", detected_is_ended=True, detected_next_date=None)

        record(session, [ended])
        pattern = only(session, ledger)
        assert pattern.next_date == date("2026-04-01")
        pattern.settled_through = date("2026-04-07")
        session.flush()
        assert pattern.next_date is None

        patterns.update_pattern(session, ledger.user.id, pattern.id, next_date=date("2026-06-01"))
        assert pattern.next_date == date("2026-06-01")


def test_a_link_to_another_users_row_is_refused_by_the_database(
    session: Session, ledger: Ledger
) -> None:
    theirs = book(session, make_ledger(session), date("2026-03-01"), "-9.99")
    record(session, [found(ledger, "k")])
    session.add(
        RecurringPatternTransaction(
            transaction_id=theirs.id,
            pattern_id=only(session, ledger).id,
            user_id=ledger.user.id,
            source=RecurringSource.MANUAL,
        )
    )

    with pytest.raises(sa.exc.IntegrityError):
        session.flush()


def test_paused_stays_paused(session: Session, ledger: Ledger) -> None:
    record(session, [found(ledger, "k")])
    decide(session, only(session, ledger), ACTIVE)
    decide(session, only(session, ledger), PAUSED)

    record(session, [found(ledger, "k", detected_last_date=date("2026-04-01"),
                           detected_next_date=date("2026-05-01"))])  # fmt: skip

    assert (only(session, ledger).status, only(session, ledger).next_date) == (PAUSED, None)
