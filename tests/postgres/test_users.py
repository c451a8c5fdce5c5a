"""Who a user is: names, passwords, and guessing them without shutting the owner out."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher, extract_parameters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session, sessionmaker

from farthing.errors import ConfigurationError
from postgres.auth import passwords
from postgres.auth.models import KnownSource, LoginThrottle, User
from postgres.auth.operations import login_throttles, refresh_tokens, users
from postgres.common.models import AuditEntry
from postgres.core import table_of
from postgres.errors import (
    AlreadyExistsError,
    AuthenticationError,
    NotFoundError,
    OperationError,
    TooManyAttemptsError,
)

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)
PASSWORD = "correct horse"
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"
THREADS = 8

on_one_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
any_text = st.text(st.characters(exclude_categories=[]), max_size=120)


@dataclass
class CountingHasher(PasswordHasher):
    """As weak as it gets, to be fast; counts what it compares."""

    compared: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.compared.append(str(hash))
        return super().verify(hash, password)


@pytest.fixture(autouse=True)
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingHasher]:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_HASHER", hasher)
    passwords._nobodys_hash.cache_clear()
    yield hasher
    passwords._nobodys_hash.cache_clear()


@pytest.fixture
def ann(sessions: sessionmaker[Session]) -> User:
    with sessions.begin() as session:
        return users.create_user(session, "Ann", PASSWORD)


def at_once(work: Callable[[int], object]) -> list[object]:
    """What each of some threads returned or raised, started together."""
    start = threading.Barrier(THREADS)

    def run(number: int) -> object:
        start.wait()
        try:
            return work(number)
        except OperationError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


class TestCreate:
    def test_only_an_argon2id_hash_above_the_owasp_floor_is_stored(
        self, session: Session, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(passwords, "_HASHER", PasswordHasher())

        user = users.create_user(session, "ann", PASSWORD)

        parameters = extract_parameters(user.password_hash)
        assert user.password_hash.startswith("$argon2id$")
        assert parameters.memory_cost >= 19 * 1024
        assert parameters.time_cost >= 2
        assert parameters.salt_len >= 16
        assert PASSWORD not in user.password_hash

    @pytest.mark.parametrize("password", ["", "1234567", "x" * 1025])
    def test_a_password_of_the_wrong_length_is_refused(
        self, session: Session, password: str
    ) -> None:
        with pytest.raises(OperationError, match=r"at least 8|at most 1024"):
            users.create_user(session, "ann", password)

    @pytest.mark.parametrize(
        "name", ["", "  ", "x" * 101, "a\0b", "a\u200bnn", "a\u202enn", "a\ud800", "\x1b[2J"]
    )
    def test_a_name_that_nobody_could_type_or_read_is_refused(
        self, session: Session, name: str
    ) -> None:
        with pytest.raises(OperationError, match="name"):
            users.create_user(session, name, PASSWORD)

        assert users.get_user_by_name(session, name) is None

    @pytest.mark.parametrize("currency", ["", "gbp", "GB", "GBPX", "GBP\n", "£"])
    def test_a_currency_of_another_form_is_refused(self, session: Session, currency: str) -> None:
        with pytest.raises(OperationError, match="three capital letters"):
            users.create_user(session, "ann", PASSWORD, base_currency=currency)

    def test_the_database_refuses_it_too(self, session: Session) -> None:
        session.add(User(name="ann", password_hash="none", base_currency="gbp"))

        with pytest.raises(sa.exc.IntegrityError, match="base_currency_is_iso"):
            session.flush()

    def test_no_such_time_zone(self, session: Session) -> None:
        with pytest.raises(ConfigurationError, match="Mars/Olympus"):
            users.create_user(session, "ann", PASSWORD, time_zone="Mars/Olympus")


class TestNames:
    @pytest.mark.parametrize(
        ("name", "same"),
        [
            ("ann", "ANN"),
            ("Ann", " ann\t"),
            ("Ann Lee", "ann  lee"),
            ("Zoë", "ZOË"),
            ("Zo\u00eb", "Zoe\u0308"),  # one code point, and two
            ("Ольга", "ОЛЬГА"),
        ],
    )
    def test_a_name_is_one_users_however_it_is_written(
        self, session: Session, name: str, same: str
    ) -> None:
        user = users.create_user(session, name, PASSWORD)

        with pytest.raises(AlreadyExistsError, match="there is a user called"):
            users.create_user(session, same, "another one")
        assert users.get_user_by_name(session, same) is user
        # The session goes on after the refusal.
        assert users.list_users(session).items == [user]

    def test_spaces_around_it_are_dropped_and_its_case_is_kept(self, session: Session) -> None:
        assert users.create_user(session, "  Ann   Lee ", PASSWORD).name == "Ann Lee"

    @on_one_database
    @given(name=any_text)
    def test_any_text_is_a_name_or_refused(self, session: Session, name: str) -> None:
        with session.begin_nested() as savepoint:
            try:
                user = users.create_user(session, name, PASSWORD)
            except OperationError:
                assert users.get_user_by_name(session, name) is None
            else:
                assert users.get_user_by_name(session, name) is user
                assert users.get_user_by_name(session, user.name) is user
            savepoint.rollback()

    def test_one_of_many_who_create_it_at_once_gets_it(
        self, sessions: sessionmaker[Session]
    ) -> None:
        def create(number: int) -> uuid.UUID:
            with sessions.begin() as session:
                return users.create_user(session, "Ann" if number % 2 else "aNN", PASSWORD).id

        outcomes = at_once(create)

        created = [outcome for outcome in outcomes if isinstance(outcome, uuid.UUID)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, AlreadyExistsError)]
        assert (len(created), len(refused)) == (1, THREADS - 1)


class TestListAndUpdate:
    def test_pages_by_name(self, session: Session) -> None:
        for name in ("c", "a", "b"):
            users.create_user(session, name, PASSWORD)

        first = users.list_users(session, limit=2)
        second = users.list_users(session, after=first.after, limit=2)

        assert [user.name for user in first.items] == ["a", "b"]
        assert [user.name for user in second.items] == ["c"]
        assert second.after is None

    def test_changes_what_is_given(self, session: Session) -> None:
        user = users.create_user(session, "ann", PASSWORD)

        users.update_user(session, user.id, time_zone="Asia/Tokyo")
        users.update_user(session, user.id, base_currency="JPY")
        users.update_user(session, user.id, name=" Ann ")  # her own, in another case

        session.expire_all()
        assert (user.name, user.time_zone, user.base_currency) == ("Ann", "Asia/Tokyo", "JPY")

    def test_a_refused_change_changes_nothing(self, session: Session) -> None:
        ann, _ = (users.create_user(session, name, PASSWORD) for name in ("ann", "bob"))

        with pytest.raises(AlreadyExistsError, match="BOB"):
            users.update_user(session, ann.id, name="BOB", base_currency="EUR")
        with pytest.raises(OperationError):
            users.update_user(session, ann.id, name="", base_currency="EUR")
        with pytest.raises(OperationError):
            users.update_user(session, ann.id, time_zone="Asia/Tokyo", base_currency="eur")
        with pytest.raises(ConfigurationError):
            users.update_user(session, ann.id, name="eve", time_zone="Mars/Olympus")

        session.flush()
        session.expire_all()
        assert (ann.name, ann.time_zone, ann.base_currency) == ("ann", "Europe/London", "GBP")

    def test_nobody(self, session: Session) -> None:
        nobody = uuid.uuid4()
        assert users.get_user(session, nobody) is None
        with pytest.raises(NotFoundError):
            users.update_user(session, nobody, name="ann")
        with pytest.raises(NotFoundError):
            users.set_password(session, nobody, PASSWORD, now=AT)

    def test_the_audit_log_has_what_the_user_decided_and_no_hash(
        self, sessions: sessionmaker[Session], ann: User
    ) -> None:
        with sessions.begin() as session:
            users.update_user(session, ann.id, name="Anna", base_currency="EUR")
        with sessions.begin() as session:
            users.set_password(session, ann.id, "another one", now=AT)

        with sessions() as session:
            entry = session.scalars(sa.select(AuditEntry)).one()
        assert (entry.user_id, entry.table_name) == (ann.id, "auth.users")
        assert entry.row_key == {"id": str(ann.id)}
        assert entry.before == {
            "name": "Ann",
            "time_zone": "Europe/London",
            "base_currency": "GBP",
        }
        assert entry.after == {**entry.before, "name": "Anna", "base_currency": "EUR"}


@dataclass
class Door:
    """Attempts at one instant after the other; says how each ended."""

    sessions: sessionmaker[Session]
    now: dt.datetime = AT

    def knock(self, name: str, password: str, source: str = ELSEWHERE) -> str | dt.timedelta:
        try:
            users.authenticate(self.sessions, name, password, source=source, now=self.now)
        except AuthenticationError:
            return "wrong"
        except TooManyAttemptsError as error:
            return error.retry_at - self.now
        return "in"

    def fail(self, times: int, name: str = "ann", source: str = ELSEWHERE) -> None:
        """Fail as often, however long that takes."""
        failed = 0
        while failed < times:
            answer = self.knock(name, "a wrong one", source)
            if isinstance(answer, dt.timedelta):
                self.now += answer
            else:
                failed += 1


@pytest.fixture
def door(sessions: sessionmaker[Session]) -> Door:
    return Door(sessions)


class TestAuthenticate:
    @pytest.mark.usefixtures("ann")
    def test_the_right_password_and_no_other(self, door: Door) -> None:
        assert door.knock("ANN ", PASSWORD) == "in"
        assert door.knock("ann", PASSWORD + " ") == "wrong"
        assert door.knock("bob", PASSWORD) == "wrong"

    @pytest.mark.usefixtures("ann")
    def test_says_the_same_whatever_is_wrong(self, sessions: sessionmaker[Session]) -> None:
        said = set()
        for name, password in (("ann", "a wrong one"), ("bob", PASSWORD), ("a\0", "\ud800")):
            with pytest.raises(AuthenticationError) as caught:
                users.authenticate(sessions, name, password, source=HOME, now=AT)
            said.add(str(caught.value))

        assert len(said) == 1

    @pytest.mark.usefixtures("ann")
    @pytest.mark.parametrize(
        ("name", "password"),
        [("ann", "a wrong one"), ("bob", PASSWORD), ("", ""), ("ann", PASSWORD * 10_000)],
    )
    def test_compares_one_hash_of_the_same_cost_whatever_is_wrong(
        self, door: Door, hasher: CountingHasher, name: str, password: str
    ) -> None:
        door.knock("warm", "up, please")  # nobody's hash is made once a process
        hasher.compared.clear()

        assert door.knock(name, password) == "wrong"

        (compared,) = hasher.compared
        assert not hasher.check_needs_rehash(compared)

    def test_the_longest_password_counts_to_its_end(
        self, sessions: sessionmaker[Session], door: Door
    ) -> None:
        longest = "x" * passwords.LONGEST
        with sessions.begin() as session:
            users.create_user(session, "ann", longest)

        assert door.knock("ann", longest) == "in"
        assert door.knock("ann", longest + "y") == "wrong"
        assert door.knock("ann", longest[:-1]) == "wrong"

    def test_one_letter_in_one_code_point_or_in_two(
        self, sessions: sessionmaker[Session], door: Door
    ) -> None:
        with sessions.begin() as session:
            users.create_user(session, "ann", "caf\u00e9 au lait")

        assert door.knock("ann", "cafe\u0301 au lait") == "in"

    def test_what_is_no_hash_opens_to_nobody(
        self, sessions: sessionmaker[Session], door: Door
    ) -> None:
        with sessions.begin() as session:
            session.add(User(name="ann", password_hash="none"))

        assert door.knock("ann", "none") == "wrong"

    @on_one_database
    @given(name=any_text, password=any_text, source=any_text)
    def test_any_text_is_answered(
        self, sessions: sessionmaker[Session], name: str, password: str, source: str
    ) -> None:
        assert Door(sessions).knock(name, password, source) != "in"

    def test_a_hash_of_older_parameters_is_renewed(
        self, door: Door, ann: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        newer = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "_HASHER", newer)

        assert door.knock("ann", "a wrong one") == "wrong"
        assert stored_hash(door.sessions, ann) == ann.password_hash
        assert at_once(lambda _: door.knock("ann", PASSWORD)) == ["in"] * THREADS

        renewed = stored_hash(door.sessions, ann)
        assert not newer.check_needs_rehash(renewed)
        assert door.knock("ann", PASSWORD) == "in"
        assert stored_hash(door.sessions, ann) == renewed

    @pytest.mark.parametrize("what", ["changed", "deleted"])
    def test_a_password_that_stops_being_right_on_the_way_is_wrong(
        self, door: Door, ann: User, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        compare = passwords.is_password

        def interfere(password_hash: str | None, password: str) -> bool:
            verdict = compare(password_hash, password)
            monkeypatch.setattr(passwords, "is_password", compare)
            with door.sessions.begin() as session:
                if what == "changed":
                    users.set_password(session, ann.id, "another one", now=AT)
                else:
                    session.execute(sa.delete(User).where(User.id == ann.id))
            return verdict

        monkeypatch.setattr(passwords, "is_password", interfere)

        assert door.knock("ann", PASSWORD) == "wrong"


def waited(answer: str | dt.timedelta) -> dt.timedelta:
    return dt.timedelta(0) if isinstance(answer, str) else answer


def stored_hash(sessions: sessionmaker[Session], user: User) -> str:
    with sessions() as session:
        return session.scalars(sa.select(User.password_hash).where(User.id == user.id)).one()


@pytest.mark.usefixtures("ann")
class TestWaiting:
    def test_ten_failures_are_free_and_then_the_wait_doubles_to_fifteen_minutes(
        self, door: Door
    ) -> None:
        door.fail(10)
        waits = []
        for _ in range(12):
            wait = door.knock("ann", "a wrong one")
            assert isinstance(wait, dt.timedelta)
            waits.append(int(wait.total_seconds()))
            door.now += wait
            assert door.knock("ann", "a wrong one") == "wrong"

        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]

    def test_no_password_is_looked_at_during_a_wait_and_the_wait_grows_by_none(
        self, door: Door, hasher: CountingHasher
    ) -> None:
        door.fail(10)
        hasher.compared.clear()

        assert {door.knock("ann", PASSWORD) for _ in range(20)} == {SECOND}
        assert hasher.compared == []

        door.now += SECOND
        assert door.knock("ann", PASSWORD) == "in"

    def test_a_login_forgives_what_its_own_source_failed(self, door: Door) -> None:
        door.fail(9)
        assert door.knock("ann", PASSWORD) == "in"
        door.fail(9)

        assert door.knock("ann", PASSWORD) == "in"

    def test_a_day_without_a_failure_forgets_them(self, door: Door) -> None:
        door.fail(30)
        door.now += DAY

        assert [door.knock("ann", "a wrong one") for _ in range(10)] == ["wrong"] * 10
        assert door.knock("ann", "a wrong one") == SECOND

    def test_a_name_that_nobody_has_waits_like_any_other(
        self, sessions: sessionmaker[Session]
    ) -> None:
        scripts = []
        for name in ("ann", "bob"):
            door = Door(sessions)
            answers = []
            for number in range(140):
                source = ELSEWHERE if number < 14 else f"10.0.0.{number}"
                answers.append(door.knock(name, "a wrong one", source))
            scripts.append(answers)

        assert scripts[0] == scripts[1]
        assert any(isinstance(answer, dt.timedelta) for answer in scripts[0])

    @pytest.mark.parametrize("name", ["ann", "bob"])
    def test_a_name_written_in_another_way_is_the_same_name(self, door: Door, name: str) -> None:
        door.fail(9, name)
        door.fail(1, f" {name.upper()}\t")

        assert door.knock(f"{name} ", PASSWORD) == SECOND

    def test_whatever_the_database_takes_for_the_name_is_the_name(self, door: Door) -> None:
        with door.sessions.begin() as session:
            users.create_user(session, "irmak", PASSWORD)
            # To PostgreSQL the same in most locales, to Python never.
            if users.get_user_by_name(session, "\u0130RMAK") is None:
                pytest.skip("a server of another locale")
        door.fail(10, "irmak")

        assert door.knock("\u0130RMAK", PASSWORD) == SECOND

    def test_a_failure_counts_though_the_caller_rolls_back(
        self, sessions: sessionmaker[Session], door: Door
    ) -> None:
        for _ in range(10):
            with pytest.raises(AuthenticationError), sessions.begin():
                users.authenticate(sessions, "ann", "a wrong one", source=ELSEWHERE, now=AT)

        assert door.knock("ann", PASSWORD) == SECOND

    def test_many_who_guess_at_once_get_no_guess_more(
        self, sessions: sessionmaker[Session], door: Door, hasher: CountingHasher
    ) -> None:
        def guess(number: int) -> list[object]:
            # As if their clocks were a little apart, too.
            local = Door(sessions, AT + number * SECOND / 1000)
            return [local.knock("ann", f"guess {number} {_}") for _ in range(4)]

        at_once(guess)

        assert len(hasher.compared) == login_throttles.FROM_ONE_SOURCE.free
        assert isinstance(door.knock("ann", PASSWORD), dt.timedelta)

    def test_a_clock_that_was_wrong_shuts_nobody_out(self, door: Door) -> None:
        door.now = AT.replace(year=2099)
        door.fail(30)
        door.now = AT

        assert door.knock("ann", PASSWORD) == "in"


class TestOwnerUnderAttack:
    @pytest.mark.usefixtures("ann")
    def test_gets_in_where_she_has_logged_in_before(self, door: Door) -> None:
        assert door.knock("ann", PASSWORD, HOME) == "in"
        for number in range(150):
            door.knock("ann", "a wrong one", f"10.0.0.{number}")

        assert door.knock("ann", PASSWORD, HOME) == "in"
        assert isinstance(door.knock("ann", PASSWORD, ELSEWHERE), dt.timedelta)
        # Nor did her login give those elsewhere a fresh count.
        assert isinstance(door.knock("ann", "a wrong one", "10.0.0.200"), dt.timedelta)

    @pytest.mark.usefixtures("ann")
    def test_waits_half_a_minute_at_most_where_she_has_not(self, door: Door) -> None:
        for number in range(130):
            door.now += dt.timedelta(minutes=1)
            assert door.knock("ann", "a wrong one", f"10.0.0.{number}") == "wrong"

        assert door.knock("ann", PASSWORD) == dt.timedelta(seconds=30)
        door.now += dt.timedelta(seconds=30)
        assert door.knock("ann", PASSWORD) == "in"
        # Nor does that give the others a fresh count.
        assert door.knock("ann", "a wrong one", "10.0.1.1") == dt.timedelta(seconds=30)

    @pytest.mark.usefixtures("ann")
    def test_where_another_has_logged_in_is_not_known_for_her(self, door: Door) -> None:
        with door.sessions.begin() as session:
            users.create_user(session, "eve", PASSWORD)
        assert door.knock("eve", PASSWORD, HOME) == "in"
        for number in range(105):
            door.knock("ann", "a wrong one", f"10.0.0.{number}")

        assert isinstance(door.knock("ann", PASSWORD, HOME), dt.timedelta)

    @pytest.mark.usefixtures("ann")
    def test_a_login_from_a_new_place_is_not_counted(self, door: Door) -> None:
        for number in range(120):
            assert door.knock("ann", PASSWORD, f"10.0.0.{number}") == "in"

    def test_refresh_tokens_do_not_wait(self, door: Door, ann: User) -> None:
        with door.sessions.begin() as session:
            issued = refresh_tokens.issue_token(session, ann.id, now=AT)
        door.fail(20, source=HOME)

        assert refresh_tokens.rotate_token(door.sessions, issued.token, now=door.now)

    def test_an_operator_lets_her_in_at_once(self, door: Door, ann: User) -> None:
        door.fail(20, source=HOME)
        for number in range(110):
            door.knock("ann", "a wrong one", f"10.0.0.{number}")
        with door.sessions.begin() as session:
            users.set_password(session, ann.id, "another one", now=door.now)

        assert door.knock("ann", "another one", HOME) == "in"
        assert door.knock("ann", "another one", "203.0.113.9") == "in"

    @settings(on_one_database, max_examples=15)
    @given(
        attack=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0, 1, 30, 900])), max_size=40)
    )
    def test_whatever_is_tried(
        self, sessions: sessionmaker[Session], attack: list[tuple[int, int]]
    ) -> None:
        name = f"ann {uuid.uuid4()}"
        with sessions.begin() as session:
            users.create_user(session, name, PASSWORD)
        door = Door(sessions)
        door.knock(name, PASSWORD, HOME)
        door.knock(name, "a wrong one", "a first one")
        with sessions.begin() as session:
            session.execute(
                sa.update(LoginThrottle)
                .values(failures=100)
                .where(LoginThrottle.source_hash == b"")
            )

        for source, pause in attack:
            door.now += dt.timedelta(seconds=pause)
            answer = door.knock(name, "a wrong one", f"source {source}")
            assert waited(answer) <= login_throttles.FROM_ONE_SOURCE.longest
            assert door.knock(name, PASSWORD, HOME) == "in"

        fresh = door.knock(name, "a wrong one", "a fresh one")
        assert waited(fresh) <= login_throttles.FROM_EVERYWHERE.longest


class TestSources:
    @pytest.mark.usefixtures("ann")
    @pytest.mark.parametrize(
        ("source", "other", "is_same"),
        [
            ("2001:db8::1", "2001:db8::ffff:1", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("192.0.2.7", "::ffff:192.0.2.7", True),
            ("192.0.2.7", "192.0.2.8", False),
            ("cookie a", "cookie b", False),
        ],
    )
    def test_who_has_one_address_of_a_network_has_them_all(
        self, door: Door, source: str, other: str, is_same: bool
    ) -> None:
        door.fail(10, source=source)

        assert (door.knock("ann", PASSWORD, other) == SECOND) is is_same

    @pytest.mark.usefixtures("ann")
    def test_nothing_that_was_typed_or_came_from_somewhere_is_stored(self, door: Door) -> None:
        door.knock("my password by mistake", "hunter22", HOME)
        door.knock("ann", PASSWORD, HOME)

        with door.sessions() as session:
            throttles = session.scalars(sa.select(LoginThrottle)).all()
            known = session.scalars(sa.select(KnownSource)).all()
        digests = {row.source_hash for row in throttles} | {row.source_hash for row in known}
        assert digests == {b"", hashlib.sha256(HOME.encode()).digest()}
        assert [0 <= row.name_bucket < 2**16 for row in throttles] == [True] * 3
        for model in (LoginThrottle, KnownSource):
            kept = {column.name for column in table_of(model).columns}
            assert kept <= {
                "user_id", "name_bucket", "source_hash", "failures", "last_failed_at",
                "last_login_at",
            }  # fmt: skip

    @pytest.mark.usefixtures("ann")
    def test_purge_leaves_what_still_counts(self, door: Door) -> None:
        door.knock("ann", PASSWORD, HOME)
        door.fail(3)
        with door.sessions.begin() as session:
            assert login_throttles.purge_expired(session, now=AT + DAY - SECOND) == 0
        with door.sessions.begin() as session:
            # Of each failure: its source, and everywhere.
            assert login_throttles.purge_expired(session, now=AT + DAY) == 2
            assert session.scalars(sa.select(LoginThrottle)).all() == []
            assert len(session.scalars(sa.select(KnownSource)).all()) == 1
        with door.sessions.begin() as session:
            assert login_throttles.purge_expired(session, now=AT + 90 * DAY) == 1


class TestChangePassword:
    def change(self, door: Door, user: User, old: str, new: str = "another one") -> None:
        users.change_password(door.sessions, user.id, old, new, source=HOME, now=door.now)

    def test_asks_for_the_old_one_and_logs_out_everywhere(self, door: Door, ann: User) -> None:
        with door.sessions.begin() as session:
            issued = refresh_tokens.issue_token(session, ann.id, now=AT)

        self.change(door, ann, PASSWORD)

        assert door.knock("ann", PASSWORD) == "wrong"
        assert door.knock("ann", "another one") == "in"
        with pytest.raises(AuthenticationError):
            refresh_tokens.rotate_token(door.sessions, issued.token, now=AT)

    def test_a_wrong_one_changes_nothing_and_counts(self, door: Door, ann: User) -> None:
        for _ in range(10):
            with pytest.raises(AuthenticationError):
                self.change(door, ann, "a wrong one")

        with pytest.raises(TooManyAttemptsError):
            self.change(door, ann, PASSWORD)
        assert stored_hash(door.sessions, ann) == ann.password_hash

    def test_a_new_one_that_is_too_short_is_refused_first(self, door: Door, ann: User) -> None:
        for _ in range(20):
            with pytest.raises(OperationError, match="at least 8"):
                self.change(door, ann, PASSWORD, "short")

        assert door.knock("ann", PASSWORD, HOME) == "in"

    def test_nobody(self, door: Door) -> None:
        with pytest.raises(NotFoundError):
            users.change_password(
                door.sessions, uuid.uuid4(), PASSWORD, "another one", source=HOME, now=AT
            )

    def test_of_many_changes_at_once_one_is_made(self, door: Door, ann: User) -> None:
        outcomes = at_once(lambda number: self.change(door, ann, PASSWORD, f"password {number}"))

        made = [number for number, outcome in enumerate(outcomes) if outcome is None]
        assert len(made) == 1
        assert all(
            isinstance(outcome, AuthenticationError)
            for number, outcome in enumerate(outcomes)
            if number not in made
        )
        assert door.knock("ann", f"password {made[0]}", HOME) == "in"
