"""An export leaves a job and a word of it, each time."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion import export
from postgres.common.enums import JobStatus, JobType, NotificationType
from postgres.common.operations import jobs, notifications
from postgres.errors import AlreadyExistsError
from tests.conftest import World


def test_each_export_is_on_record_and_told_of_and_one_that_fails_is_not(
    world: World, tmp_path: Path
) -> None:
    run = world.run()
    exported = [export.export_user(run, world.user_id, tmp_path / name) for name in ("a", "b")]
    with pytest.raises(AlreadyExistsError):
        export.export_user(run, world.user_id, tmp_path / "a")

    with world.sessions() as session:
        done = jobs.list_jobs(session, world.user_id, job_type=JobType.EXPORT).items
        told = notifications.list_notifications(
            session, world.user_id, type_=NotificationType.EXPORT_COMPLETE
        ).items
    # The second export has the job and the notification of the first in it.
    rows = [sum(table.rows for table in tables) for tables in exported]
    assert rows[1] == rows[0] + 2
    assert [job.status for job in done] == [JobStatus.COMPLETED] * 2
    assert sorted(job.outcome["rows"] for job in done) == rows
    assert {row.message for row in told} == {
        f"Your data was exported: {count} rows of {len(exported[0])} tables are in {name}."
        for name, count in zip("ab", rows, strict=True)
    }
