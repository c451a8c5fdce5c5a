"""Export a user's data, and say so."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from farthing import clock
from ingestion.run import Run
from postgres import export
from postgres.common.enums import JobStatus, JobType, NotificationType
from postgres.common.operations import jobs, notifications


def export_user(run: Run, user_id: UUID, folder: Path) -> list[export.ExportedTable]:
    """Write all of a user's data as files, and leave a job and a word of it.

    An export that does not end leaves nothing, neither files nor a record.

    :raises NotFoundError: if there is no such user.
    :raises AlreadyExistsError: if there is something of that name already.
    """
    started_at = clock.now()
    tables = export.export_user(run.sessions, user_id, folder)
    rows = sum(table.rows for table in tables)
    with run.sessions.begin() as session:
        job = jobs.create_job(session, user_id, JobType.EXPORT, at=started_at)
        jobs.start_job(session, user_id, job.id, at=started_at)
        jobs.finish_job(
            session,
            user_id,
            job.id,
            JobStatus.COMPLETED,
            at=clock.now(),
            outcome={"tables": len(tables), "rows": rows},
        )
        notifications.notify(
            session,
            user_id,
            NotificationType.EXPORT_COMPLETE,
            str(job.id),
            f"Your data was exported: {rows} rows of {len(tables)} tables are in {folder.name}.",
        )
    return tables
