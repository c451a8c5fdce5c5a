"""Private files and locks under the home, with the owner that the server runs as."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def open_private(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file that only the owner of its directory can use (mode 0600).

    No link is followed: as root we write into a directory that an ordinary user may own. Python
    marks the descriptor as not inheritable, so no program we start keeps a lock of ours.
    """
    descriptor = os.open(path, flags | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole; nobody sees it half written, not even after a power cut."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def make_private_directory(path: Path) -> None:
    """Create a directory (mode 0700) for the owner of its parent, unless it exists."""
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        return
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def give(tree: Path, uid: int, gid: int) -> None:
    """Make somebody the owner of a directory and all below it, the top last.

    Who owns the top therefore owns everything: an interrupted change is done again.
    """
    for directory, names, files in os.walk(tree):
        for name in (*names, *files):
            os.chown(Path(directory) / name, uid, gid, follow_symlinks=False)
    os.chown(tree, uid, gid, follow_symlinks=False)


@contextmanager
def exclusive(path: Path) -> Iterator[int]:
    """Hold a lock that one thread of one process on this machine can hold, and give its descriptor.

    A child that inherits the descriptor holds the lock if we are killed.
    """
    descriptor = open_private(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        # Unlocked by name and not by closing alone: another thread may have forked meanwhile, and
        # its child would keep the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def try_exclusive(descriptor: int) -> bool:
    """Take the only lock on an open file, or turn a shared one into it, without waiting."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
