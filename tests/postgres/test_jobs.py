"""Jobs: asked for, started by one, ended once, and what a run writes about them."""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import JobStatus, JobType
from postgres.common.models import Job
from postgres.common.operations import jobs
from postgres.common.operations.jobs import StepRecord
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError, TransitionError
from postgres.sessions import user_session
from tests.postgres.ledger import Ledger, make_ledger

AT = dt.datetime(2026, 3, 15, 9, tzinfo=dt.UTC)
LATER = AT + dt.timedelta(minutes=5)
PENDING, RUNNING, COMPLETED, PARTIAL, FAILED = JobStatus


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def ask(session: Session, ledger: Ledger, *, at: dt.datetime = AT) -> Job:
    return jobs.create_job(session, ledger.user.id, JobType.EXPORT, at=at)


def test_an_export_waits_runs_and_ends(session: Session, ledger: Ledger) -> None:
    user_id = ledger.user.id
    job = ask(session, ledger)
    assert (job.status, job.started_at, job.finished_at) == (PENDING, AT, None)

    jobs.start_job(session, user_id, job.id, at=LATER, run_id="run-1")
    session.refresh(job)
    assert (job.status, job.started_at, job.run_id) == (RUNNING, LATER, "run-1")

    end = LATER + dt.timedelta(seconds=1)
    jobs.finish_job(session, user_id, job.id, COMPLETED, at=end, outcome={"rows": 7})
    session.refresh(job)
    assert (job.status, job.finished_at, job.outcome) == (COMPLETED, end, {"rows": 7})

    jobs.start_job(session, user_id, job.id, at=end)
    session.refresh(job)
    assert (job.status, job.finished_at, job.run_id) == (RUNNING, None, "run-1")
    jobs.finish_job(session, user_id, job.id, FAILED, at=end)
    session.refresh(job)
    assert (job.status, job.outcome) == (FAILED, {"rows": 7})


@pytest.mark.parametrize(
    ("current", "ends"),
    [
        (PENDING, {FAILED}),
        (RUNNING, {COMPLETED, PARTIAL, FAILED}),
        (COMPLETED, {PARTIAL}),
        (FAILED, {PARTIAL}),
        (PARTIAL, set()),
    ],
)
def test_a_job_ends_in_the_ways_that_it_has(
    session: Session, ledger: Ledger, current: JobStatus, ends: set[JobStatus]
) -> None:
    user_id = ledger.user.id
    for wanted in JobStatus:
        job = ask(session, ledger)
        if current != PENDING:
            jobs.start_job(session, user_id, job.id, at=AT)
        if current not in {PENDING, RUNNING}:
            jobs.finish_job(session, user_id, job.id, current, at=AT)

        if wanted in ends:
            assert jobs.finish_job(session, user_id, job.id, wanted, at=AT).status == wanted
        else:
            with pytest.raises(TransitionError):
                jobs.finish_job(session, user_id, job.id, wanted, at=AT)
            assert job.status == current


def test_a_running_job_is_not_started_again(session: Session, ledger: Ledger) -> None:
    job = ask(session, ledger)
    jobs.start_job(session, ledger.user.id, job.id, at=AT)

    with pytest.raises(TransitionError, match="running"):
        jobs.start_job(session, ledger.user.id, job.id, at=LATER)

    session.refresh(job)
    assert job.started_at == AT


def test_of_many_who_start_a_job_one_does(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        job_id = ask(session, ledger).id
    barrier = threading.Barrier(8)

    def start(number: int) -> bool:
        try:
            with sessions.begin() as session:
                barrier.wait()
                jobs.start_job(session, ledger.user.id, job_id, at=AT, run_id=f"run-{number}")
        except TransitionError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(start, range(8))) == [False] * 7 + [True]


def test_what_a_job_is_of_is_told_by_its_type(session: Session, ledger: Ledger) -> None:
    user_id, connection_id = ledger.user.id, ledger.connection.id
    stranger = make_ledger(session)

    with pytest.raises(OperationError, match="sync"):
        jobs.create_job(session, user_id, JobType.SYNC, at=AT)
    with pytest.raises(OperationError, match="sync"):
        jobs.create_job(session, user_id, JobType.EXPORT, at=AT, connection_id=connection_id)
    with pytest.raises(OperationError, match="everybody"):
        jobs.create_job(session, user_id, JobType.ANALYTICS, at=AT)
    with pytest.raises(NotFoundError, match="connection"):
        jobs.create_job(session, user_id, JobType.SYNC, at=AT, connection_id=stranger.connection.id)

    assert jobs.list_jobs(session, user_id).items == []


def test_a_run_has_a_job_once(session: Session, ledger: Ledger) -> None:
    first, second = (
        jobs.create_job(
            session, ledger.user.id, JobType.SYNC, at=AT, connection_id=ledger.connection.id
        )
        for _ in range(2)
    )
    jobs.start_job(session, ledger.user.id, first.id, at=AT, run_id="run-1")

    with pytest.raises(AlreadyExistsError):
        jobs.start_job(session, ledger.user.id, second.id, at=AT, run_id="run-1")

    session.refresh(second)
    assert second.status == PENDING


@pytest.mark.parametrize("status", [COMPLETED, PARTIAL, FAILED])
def test_the_steps_of_a_sync_that_was_asked_for_end_it(
    session: Session, ledger: Ledger, status: JobStatus
) -> None:
    connection_id = ledger.connection.id
    job = jobs.create_job(session, ledger.user.id, JobType.SYNC, at=AT, connection_id=connection_id)
    assert jobs.last_jobs(session, ledger.user.id) == {}
    jobs.start_job(session, ledger.user.id, job.id, at=AT, run_id="run-1")
    step = StepRecord(connection_id, "a.b", status, [])

    jobs.record_steps(session, "run-1", [step], at=LATER)

    session.refresh(job)
    assert (job.status, job.finished_at) == (status, LATER)
    assert jobs.jobs_of_run(session, "run-1") == [job]
    assert jobs.last_jobs(session, ledger.user.id) == {connection_id: job}


def test_lists_are_newest_first_filtered_and_in_pages(session: Session, ledger: Ledger) -> None:
    user_id, connection_id = ledger.user.id, ledger.connection.id
    old, same, new = (
        ask(session, ledger, at=AT + dt.timedelta(hours=hours)) for hours in (1, 2, 2)
    )
    same, new = sorted((same, new), key=lambda job: job.id)
    sync = jobs.create_job(session, user_id, JobType.SYNC, at=AT, connection_id=connection_id)
    jobs.start_job(session, user_id, old.id, at=old.started_at)
    ask(session, make_ledger(session))

    def found(**filters: Any) -> Sequence[Job]:
        return jobs.list_jobs(session, user_id, **filters).items

    assert found() == [new, same, old, sync]
    assert found(job_type=JobType.EXPORT) == [new, same, old]
    assert found(status=RUNNING) == [old]
    assert found(status=PENDING, job_type=JobType.SYNC) == [sync]
    assert found(connection_id=connection_id) == [sync]
    page = jobs.list_jobs(session, user_id, limit=1)
    pages = [page]
    while page.after:
        page = jobs.list_jobs(session, user_id, limit=1, after=page.after)
        pages.append(page)
    assert [list(page.items) for page in pages] == [[new], [same], [old], [sync]]


def test_a_job_is_only_its_owners(session: Session, ledger: Ledger) -> None:
    job = ask(session, ledger)
    stranger = make_ledger(session).user.id

    assert jobs.get_job(session, stranger, job.id) is None
    assert jobs.list_jobs(session, stranger).items == []
    with pytest.raises(NotFoundError):
        jobs.start_job(session, stranger, job.id, at=AT)
    with pytest.raises(NotFoundError):
        jobs.finish_job(session, stranger, job.id, FAILED, at=AT)
    with pytest.raises(NotFoundError, match=str(stranger)):
        jobs.start_job(session, ledger.user.id, stranger, at=AT)
    assert jobs.get_job(session, ledger.user.id, job.id) is job


def test_works_in_a_session_of_one_user(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger, other = make_ledger(session), make_ledger(session)
        theirs = ask(session, other).id
    with user_session(sessions, ledger.user.id) as session:
        job = ask(session, ledger)
        jobs.start_job(session, ledger.user.id, job.id, at=AT)
        assert jobs.get_job(session, other.user.id, theirs) is None


def test_an_analysis_that_runs_again_has_not_ended(session: Session) -> None:
    run_id = str(uuid.uuid4())
    jobs.start_analytics(session, run_id, at=AT, version="1")
    jobs.finish_analytics(session, run_id, ok=False)
    last = jobs.last_analytics(session)
    assert last is not None
    assert (last.status, last.finished_at is None) == (FAILED, False)

    jobs.start_analytics(session, run_id, at=AT, version="1")

    session.refresh(last)
    assert (last.status, last.finished_at) == (RUNNING, None)


@pytest.mark.parametrize(
    "change", ["user_id = null", "connection_id = null", "job_type = 'export'"]
)
def test_the_database_holds_what_a_job_is_of(session: Session, ledger: Ledger, change: str) -> None:
    jobs.create_job(
        session, ledger.user.id, JobType.SYNC, at=AT, connection_id=ledger.connection.id
    )

    with pytest.raises(sa.exc.IntegrityError, match="by_type"):
        session.execute(sa.text(f"update common.jobs set {change}"))  # noqa: S608
