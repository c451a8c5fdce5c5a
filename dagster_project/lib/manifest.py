"""dbt's manifest: made when Farthing is set up, only read while it runs.

``python -m dagster_project.lib.manifest`` makes it. A parse takes seconds, and every process of
every run would pay for it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from farthing.errors import FarthingError
from farthing.settings import PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

_SOURCES = {".sql", ".yml", ".yaml", ".csv", ".md", ".py"}
_MADE = {"target", "logs", "dbt_packages"}


class ManifestError(FarthingError):
    """dbt's manifest is missing, or its sources do not parse."""


def manifest_path(project: Path = DBT_PROJECT) -> Path:
    """Return where the manifest is.

    :raises ManifestError: if it was never made.
    """
    path = project / "target" / "manifest.json"
    if not path.exists():
        message = f"dbt's manifest {path} is missing; run make install"
        raise ManifestError(message)
    return path


def dbt_executable() -> str:
    """Return the dbt of this environment, whatever the PATH says."""
    return str(Path(sys.executable).parent / "dbt")


def build(project: Path = DBT_PROJECT) -> bool:
    """Parse the dbt project, unless nothing changed since it was parsed last.

    :returns: whether it was parsed.
    :raises ManifestError: if dbt refuses it.
    """
    target = project / "target"
    target.mkdir(exist_ok=True)
    with (target / "manifest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_current(project):
            return False
        # Of the sources as they are before: one that changes meanwhile is parsed next time.
        digest = _digest(project)
        _parse(project)
        _stamp(project).write_text(digest)
    return True


def current_digest(project: Path = DBT_PROJECT) -> str:
    """Return what tells this version of the models from others.

    :raises ManifestError: if the manifest does not describe what dbt would build now.
    """
    if not _is_current(project):
        message = f"dbt's manifest of {project} is out of date; run make install and start again"
        raise ManifestError(message)
    return _stamp(project).read_text()


def _is_current(project: Path) -> bool:
    stamp = _stamp(project)
    made = stamp.exists() and (project / "target" / "manifest.json").exists()
    return made and stamp.read_text() == _digest(project)


def _stamp(project: Path) -> Path:
    return project / "target" / "manifest.sha256"


def _parse(project: Path) -> None:
    command = [
        dbt_executable(), "--no-use-colors", "parse",
        "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", "target",
    ]  # fmt: skip
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    result = subprocess.run(  # noqa: S603 - our own dbt on our own project
        command,
        cwd=project,
        env={**os.environ, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        message = f"dbt does not parse {project}:\n{result.stdout}{result.stderr}".rstrip()
        raise ManifestError(message)


def _digest(project: Path) -> str:
    digest = hashlib.sha256(version("dbt-core").encode())
    for path in sorted(project.rglob("*")):
        parts = path.relative_to(project)
        if path.is_file() and path.suffix in _SOURCES and parts.parts[0] not in _MADE:
            content = path.read_bytes()
            digest.update(f"{parts}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def main() -> None:
    """Make the manifest; on failure, say why and exit 1."""
    try:
        build()
    except FarthingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
