"""Refresh tokens: used once, a lost answer forgiven, a stolen one of no use for long."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session, sessionmaker

from postgres.auth.models import RefreshToken, User
from postgres.auth.operations import refresh_tokens as tokens
from postgres.auth.operations.refresh_tokens import GRACE, LIFETIME, IssuedToken
from postgres.errors import (
    AuthenticationError,
    NotFoundError,
    OperationError,
    TokenReusedError,
)
from postgres.sessions import user_session

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
THREADS = 8


def make_user(sessions: sessionmaker[Session]) -> uuid.UUID:
    with sessions.begin() as session:
        user = User(name=f"user {uuid.uuid4()}", password_hash="none")
        session.add(user)
        session.flush()
        return user.id


@pytest.fixture
def ann(sessions: sessionmaker[Session]) -> uuid.UUID:
    return make_user(sessions)


def issue(
    sessions: sessionmaker[Session], user_id: uuid.UUID, now: dt.datetime = AT
) -> IssuedToken:
    with sessions.begin() as session:
        return tokens.issue_token(session, user_id, now=now)


def rows_of(sessions: sessionmaker[Session], family_id: uuid.UUID) -> list[RefreshToken]:
    with sessions() as session:
        return list(
            session.scalars(
                sa.select(RefreshToken)
                .where(RefreshToken.family_id == family_id)
                .order_by(RefreshToken.issued_at)
            )
        )


def is_good(row: RefreshToken) -> bool:
    return row.used_at is None and row.revoked_at is None


def at_once(*works: Callable[[], object]) -> list[object]:
    """What each of some threads returned or raised, started together."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> object:
        start.wait()
        try:
            return work()
        except OperationError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


class TestIssue:
    def test_only_a_digest_is_stored(self, sessions: sessionmaker[Session], ann: uuid.UUID) -> None:
        first = issue(sessions, ann)
        second = tokens.rotate_token(sessions, first.token, now=AT)

        assert len(first.token) == len(second.token) == 43  # 256 bits
        assert first.token not in repr(first)
        for row in rows_of(sessions, first.family_id):
            for issued in (first, second):
                assert issued.token not in str(vars(row))
                assert issued.token.encode() not in (row.token_hash, row.successor_seed)

    def test_lives_as_long_as_asked_and_its_successors_too(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        hour = dt.timedelta(hours=1)
        with sessions.begin() as session:
            first = tokens.issue_token(session, ann, now=AT, lifetime=hour)

        second = tokens.rotate_token(sessions, first.token, now=AT + hour - SECOND)

        assert first.expires_at == AT + hour
        assert second.expires_at == AT + 2 * hour - SECOND
        with pytest.raises(AuthenticationError):
            tokens.rotate_token(sessions, second.token, now=second.expires_at)
        assert issue(sessions, ann).expires_at == AT + LIFETIME

    def test_nobody(self, session: Session) -> None:
        with pytest.raises(NotFoundError):
            tokens.issue_token(session, uuid.uuid4(), now=AT)

    def test_acting_for_the_user(self, sessions: sessionmaker[Session], ann: uuid.UUID) -> None:
        with user_session(sessions, ann) as session:
            issued = tokens.issue_token(session, ann, now=AT)
        tokens.rotate_token(sessions, issued.token, now=AT)
        with user_session(sessions, ann) as session:
            assert len(tokens.list_tokens(session, ann, now=AT).items) == 1
            tokens.revoke_all(session, ann, now=AT)
            assert tokens.list_tokens(session, ann, now=AT).items == []


class TestRotate:
    @pytest.mark.parametrize("text", ["", "x", "\0", "\ud800", "x" * 100_000])
    def test_what_is_no_token(self, sessions: sessionmaker[Session], text: str) -> None:
        with pytest.raises(AuthenticationError):
            tokens.rotate_token(sessions, text, now=AT)

    def test_a_lost_answer_is_given_again(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        first = issue(sessions, ann)

        second = tokens.rotate_token(sessions, first.token, now=AT)
        again = tokens.rotate_token(sessions, first.token, now=AT + GRACE - SECOND)

        assert again == second
        assert tokens.rotate_token(sessions, second.token, now=AT + GRACE)

    def test_asking_again_does_not_prolong_the_grace(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        first = issue(sessions, ann)
        for second in range(10):
            tokens.rotate_token(sessions, first.token, now=AT + second * SECOND)

        with pytest.raises(TokenReusedError):
            tokens.rotate_token(sessions, first.token, now=AT + GRACE)

    def test_what_was_not_lost_is_not_given_again(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        first = issue(sessions, ann)
        second = tokens.rotate_token(sessions, first.token, now=AT)
        third = tokens.rotate_token(sessions, second.token, now=AT + SECOND)

        with pytest.raises(AuthenticationError) as caught:
            tokens.rotate_token(sessions, first.token, now=AT + 2 * SECOND)

        assert not isinstance(caught.value, TokenReusedError)
        assert tokens.rotate_token(sessions, third.token, now=AT + 3 * SECOND)

    def test_a_reused_one_revokes_its_family_though_the_caller_rolls_back(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        stolen, other = issue(sessions, ann), issue(sessions, ann)
        latest = tokens.rotate_token(sessions, stolen.token, now=AT)

        with pytest.raises(TokenReusedError), sessions.begin():
            tokens.rotate_token(sessions, stolen.token, now=AT + GRACE)

        assert not any(is_good(row) for row in rows_of(sessions, stolen.family_id))
        with pytest.raises(AuthenticationError):
            tokens.rotate_token(sessions, latest.token, now=AT + GRACE)
        assert tokens.rotate_token(sessions, other.token, now=AT + GRACE)

    def test_a_seed_is_kept_only_until_the_next_token_is_used(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        token = issue(sessions, ann)
        family_id = token.family_id
        for number in range(5):
            token = tokens.rotate_token(sessions, token.token, now=AT + number * SECOND)

        assert [row.successor_seed is not None for row in rows_of(sessions, family_id)] == [
            False, False, False, False, True, False,
        ]  # fmt: skip
        with sessions.begin() as session:
            tokens.revoke_family(session, ann, family_id, now=AT)
        assert not any(row.successor_seed for row in rows_of(sessions, family_id))


class TestRevoke:
    def test_a_family_and_no_other(self, sessions: sessionmaker[Session], ann: uuid.UUID) -> None:
        first, other = issue(sessions, ann), issue(sessions, ann)
        second = tokens.rotate_token(sessions, first.token, now=AT)
        for _ in range(2):  # the second time it stays as it is
            with sessions.begin() as session:
                tokens.revoke_family(session, ann, first.family_id, now=AT)

        for token in (first, second):
            with pytest.raises(AuthenticationError) as caught:
                tokens.rotate_token(sessions, token.token, now=AT)
            assert not isinstance(caught.value, TokenReusedError)
        assert tokens.rotate_token(sessions, other.token, now=AT)

    def test_only_ones_own(self, sessions: sessionmaker[Session], ann: uuid.UUID) -> None:
        bob = make_user(sessions)
        token = issue(sessions, ann)

        with sessions() as session:
            with pytest.raises(NotFoundError):
                tokens.revoke_family(session, bob, token.family_id, now=AT)
            tokens.revoke_all(session, bob, now=AT)
            assert tokens.get_token(session, bob, token.token) is None
            session.commit()

        assert tokens.rotate_token(sessions, token.token, now=AT)

    def test_a_login_is_found_by_its_token(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        token = issue(sessions, ann)

        with sessions.begin() as session:
            found = tokens.get_token(session, ann, token.token)
            assert found is not None
            tokens.revoke_family(session, ann, found.family_id, now=AT)

        with pytest.raises(AuthenticationError):
            tokens.rotate_token(sessions, token.token, now=AT)

    def test_the_list_has_the_good_one_of_each_family(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        issue(sessions, make_user(sessions))
        families = [issue(sessions, ann, AT + n * SECOND) for n in range(4)]
        tokens.rotate_token(sessions, families[0].token, now=AT + 9 * SECOND)
        with sessions.begin() as session:
            tokens.revoke_family(session, ann, families[1].family_id, now=AT)

        with sessions() as session:
            first = tokens.list_tokens(session, ann, now=AT, limit=2)
            rest = tokens.list_tokens(session, ann, now=AT, limit=2, after=first.after)
            late = tokens.list_tokens(session, ann, now=AT + LIFETIME + 3 * SECOND)

        listed = [row.family_id for row in (*first.items, *rest.items)]
        assert listed == [families[n].family_id for n in (0, 3, 2)]
        assert [row.family_id for row in late.items] == [families[0].family_id]


class TestPurge:
    def test_deletes_the_expired_and_keeps_the_chain_that_goes_on(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        dead, token = issue(sessions, ann), issue(sessions, ann)
        half = LIFETIME / 2
        for number in range(1, 5):
            token = tokens.rotate_token(sessions, token.token, now=AT + number * half)

        with sessions.begin() as session:
            assert tokens.purge_expired(session, now=AT + 4 * half) == 4

        rows = rows_of(sessions, token.family_id)
        assert [row.issued_at for row in rows] == [AT + 3 * half, AT + 4 * half]
        assert rows[0].parent_id is None
        assert rows[1].parent_id == rows[0].id
        assert rows_of(sessions, dead.family_id) == []
        assert tokens.rotate_token(sessions, token.token, now=AT + 4 * half)


class TestAtOnce:
    def test_all_who_rotate_one_get_the_same_next_one(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        token = issue(sessions, ann)
        for number in range(5):
            now = AT + number * GRACE
            rotate = partial(tokens.rotate_token, sessions, token.token, now=now)
            outcomes = at_once(*[rotate] * THREADS)

            (following,) = {o.token for o in outcomes if isinstance(o, IssuedToken)}
            assert [o for o in outcomes if not isinstance(o, IssuedToken)] == []
            assert following != token.token
            (token,) = {o for o in outcomes if isinstance(o, IssuedToken)}

        rows = rows_of(sessions, token.family_id)
        assert [is_good(row) for row in rows] == [False] * 5 + [True]

    def test_none_that_is_being_issued_slips_through_a_revocation(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        def revoke() -> None:
            with sessions.begin() as session:
                tokens.revoke_all(session, ann, now=AT)

        for _ in range(20):
            token = issue(sessions, ann)
            rotate = partial(tokens.rotate_token, sessions, token.token, now=AT)
            outcomes = at_once(rotate, revoke)

            assert not any(is_good(row) for row in rows_of(sessions, token.family_id))
            assert isinstance(outcomes[0], IssuedToken | AuthenticationError)

    def test_a_thief_and_an_owner_leave_nothing_good(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        stolen = issue(sessions, ann)
        latest = tokens.rotate_token(sessions, stolen.token, now=AT)

        rotate = partial(tokens.rotate_token, sessions, now=AT + GRACE)
        outcomes = at_once(
            *[partial(rotate, stolen.token)] * (THREADS // 2),
            *[partial(rotate, latest.token)] * (THREADS // 2),
        )

        reused = [outcome for outcome in outcomes if isinstance(outcome, TokenReusedError)]
        assert len(reused) == 1  # the others found it revoked
        assert not any(is_good(row) for row in rows_of(sessions, stolen.family_id))

    def test_everything_at_once_raises_nothing_else(
        self, sessions: sessionmaker[Session], ann: uuid.UUID
    ) -> None:
        half = LIFETIME / 2
        oldest = [issue(sessions, ann, AT - half) for _ in range(THREADS)]
        tails = [tokens.rotate_token(sessions, token.token, now=AT) for token in oldest]

        def live(token: IssuedToken) -> None:
            for number in range(10):
                token = tokens.rotate_token(sessions, token.token, now=AT + number * SECOND)
                with sessions.begin() as session:
                    tokens.purge_expired(session, now=AT + half)

        assert at_once(*[partial(live, token) for token in tails]) == [None] * THREADS
        for token in tails:
            rows = rows_of(sessions, token.family_id)
            assert [is_good(row) for row in rows] == [False] * 10 + [True]


class TestDatabase:
    @pytest.fixture
    def used(self, sessions: sessionmaker[Session], ann: uuid.UUID) -> IssuedToken:
        token = issue(sessions, ann)
        tokens.rotate_token(sessions, token.token, now=AT)
        return token

    @pytest.mark.parametrize(
        "change",
        [
            {"used_at": None, "successor_seed": None},
            {"used_at": AT + SECOND},
            {"revoked_at": None},
            {"revoked_at": AT + SECOND},
            {"token_hash": b"x" * 32},
            {"expires_at": AT + 2 * LIFETIME},
            {"issued_at": AT - SECOND},
            {"family_id": uuid.uuid4()},
        ],
    )
    def test_what_is_spent_stays_spent(
        self, session: Session, used: IssuedToken, change: dict[str, object]
    ) -> None:
        if "revoked_at" in change:
            tokens.revoke_family(session, used.user_id, used.family_id, now=AT)
        with pytest.raises(sa.exc.IntegrityError, match="stays so"):
            session.execute(
                sa.update(RefreshToken)
                .where(RefreshToken.family_id == used.family_id, RefreshToken.used_at.is_not(None))
                .values(change)
            )

    @pytest.mark.parametrize(
        ("values", "refused_by"),
        [
            ({}, "uq_refresh_tokens__live"),
            ({"used_at": AT, "same_parent": True}, "uq_refresh_tokens__parent_id"),
            ({"token_hash": b"short"}, "token_hash_is_sha256"),
            ({"expires_at": AT}, "expires_after_issue"),
            ({"successor_seed": b"x"}, "seed_is_of_a_used_one"),
            ({"family_id": uuid.uuid4(), "same_parent": True, "used_at": AT}, "fk_refresh_tokens"),
        ],
    )
    def test_refuses_what_no_family_looks_like(
        self, session: Session, used: IssuedToken, values: dict[str, object], refused_by: str
    ) -> None:
        first = tokens.get_token(session, used.user_id, used.token)
        assert first is not None
        values = dict(values)
        if values.pop("same_parent", False):
            if refused_by.startswith("fk"):
                session.execute(sa.delete(RefreshToken).where(RefreshToken.parent_id == first.id))
            values["parent_id"] = first.id
        row = {
            "user_id": used.user_id,
            "family_id": used.family_id,
            "token_hash": b"y" * 32,
            "issued_at": AT,
            "expires_at": AT + LIFETIME,
            **values,
        }

        with pytest.raises(sa.exc.IntegrityError, match=refused_by):
            session.execute(sa.insert(RefreshToken).values(row))


@dataclass
class Modelled:
    """A token as the rules of the module's docstring have it, apart from any code of it."""

    issued: IssuedToken
    family: Family
    is_used_at: dt.datetime | None = None
    following: Modelled | None = None


@dataclass
class Family:
    user_id: uuid.UUID
    is_revoked: bool = False
    tokens: list[Modelled] = field(default_factory=list)


class Families(RuleBasedStateMachine):
    """Whatever clients, thieves and the clock do, each answer is the one of the model."""

    sessions: sessionmaker[Session]
    known = Bundle("known")

    @initialize()
    def begin(self) -> None:
        self.now = AT
        self.users = [make_user(self.sessions) for _ in range(2)]
        self.families: list[Family] = []

    @rule(target=known, whose=st.integers(0, 1))
    def log_in(self, whose: int) -> Modelled:
        family = Family(self.users[whose])
        self.families.append(family)
        family.tokens.append(Modelled(issue(self.sessions, family.user_id, self.now), family))
        return family.tokens[0]

    @rule(pause=st.sampled_from([SECOND, GRACE - SECOND, GRACE, LIFETIME / 3, LIFETIME]))
    def wait(self, pause: dt.timedelta) -> None:
        self.now += pause

    @rule(target=known, token=known)
    def rotate(self, token: Modelled) -> Modelled:
        expected = self.expect(token)
        if expected is not IssuedToken:
            with pytest.raises(AuthenticationError) as caught:
                tokens.rotate_token(self.sessions, token.issued.token, now=self.now)
            assert caught.type is expected
            token.family.is_revoked |= expected is TokenReusedError
            return token
        issued = tokens.rotate_token(self.sessions, token.issued.token, now=self.now)
        assert issued.family_id == token.issued.family_id
        if token.following is not None:
            assert issued == token.following.issued
            return token.following
        token.is_used_at = self.now
        token.following = Modelled(issued, token.family)
        token.family.tokens.append(token.following)
        return token.following

    def expect(self, token: Modelled) -> type:
        if token.family.is_revoked or token not in token.family.tokens:
            return AuthenticationError
        if token.is_used_at is None:
            return IssuedToken if self.now < token.issued.expires_at else AuthenticationError
        if self.now - token.is_used_at >= GRACE:
            return TokenReusedError
        was_lost = token.following is not None and token.following.is_used_at is None
        return IssuedToken if was_lost else AuthenticationError

    @rule(token=known)
    def log_out(self, token: Modelled) -> None:
        if token in token.family.tokens:
            with self.sessions.begin() as session:
                tokens.revoke_family(
                    session, token.family.user_id, token.issued.family_id, now=self.now
                )
            token.family.is_revoked = True

    @rule(whose=st.integers(0, 1))
    def log_out_everywhere(self, whose: int) -> None:
        with self.sessions.begin() as session:
            tokens.revoke_all(session, self.users[whose], now=self.now)
        for family in self.families:
            family.is_revoked |= family.user_id == self.users[whose]

    @rule()
    def purge(self) -> None:
        gone = 0
        for family in self.families:
            kept = [token for token in family.tokens if token.issued.expires_at > self.now]
            gone += len(family.tokens) - len(kept)
            family.tokens = kept
        with self.sessions.begin() as session:
            purged = tokens.purge_expired(session, now=self.now)
            session.execute(sa.delete(RefreshToken).where(RefreshToken.user_id.not_in(self.users)))
        assert purged >= gone

    @invariant()
    def lists_one_a_family_that_lives(self) -> None:
        with self.sessions() as session:
            for user_id in self.users:
                listed = tokens.list_tokens(session, user_id, now=self.now).items
                assert {row.family_id for row in listed} == {
                    family.tokens[-1].issued.family_id
                    for family in self.families
                    if family.user_id == user_id
                    and not family.is_revoked
                    and family.tokens
                    and family.tokens[-1].issued.expires_at > self.now
                }


@pytest.mark.slow
def test_every_answer_is_that_of_the_model(sessions: sessionmaker[Session]) -> None:
    machine = type("Machine", (Families,), {"sessions": sessions})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
