"""Starts one PostgreSQL program as the right user. Run as a script, never imported.

``launch.py IDENTITY DIRECTORY GUARD LOCK LOG PROGRAM ARGUMENT...``

A process of its own, because what it does is not safe in a process with threads: it changes who it
is, and it forks. It uses the standard library alone and runs under ``python -I -S``.

- IDENTITY: ``same``; ``UID:GID`` to drop to; or ``namespace:UID:GID`` to appear as that user in a
  user namespace while every file keeps its owner outside.
- DIRECTORY: the working directory; entering it proves that the new identity can.
- GUARD: an inherited descriptor, or ``-``. It carries the lock under which our parent decided, and
  is closed once LOCK is ours: a parent killed meanwhile cannot let another one decide too early.
- LOCK: a file that the program and all its descendants keep locked while one of them lives, or
  ``-``. It tells who is alive better than a process id does, which may be a zombie's, another
  program's or one of another container.
- LOG: where to send the output of a program that stays in the background, in a session of its own
  so that no Ctrl-C of ours reaches it; or ``-`` to run it in the foreground.
"""

from __future__ import annotations

import fcntl
import os
import sys

_CLONE_NEWUSER = 0x10000000


def main(identity: str, directory: str, guard: str, lock: str, log: str, *command: str) -> None:
    """Become the identity and turn into the command."""
    os.umask(0o077)
    if guard != "-":
        os.set_inheritable(int(guard), False)
    if lock != "-":
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.set_inheritable(descriptor, True)
    _become(identity)
    os.chdir(directory)
    if log != "-":
        _detach(log)
    os.execv(command[0], command)  # noqa: S606 - the caller names a program, no shell is involved


def _become(identity: str) -> None:
    if identity == "same":
        return
    *kind, uid, gid = identity.split(":")
    if kind:
        _enter_namespace(int(uid), int(gid))
    else:
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))


def _enter_namespace(uid: int, gid: int) -> None:
    # PLC0415: loading it takes as long as all the rest, and only this branch needs it.
    import ctypes  # noqa: PLC0415

    outside = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no user namespace: {os.strerror(number)}")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {outside[0]} 1"),
        ("gid_map", f"{gid} {outside[1]} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, text.encode())
        os.close(descriptor)


def _detach(log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    # The parent's end makes the server an orphan: whoever started it need not reap it.
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except OSError as error:
        sys.exit(f"launch: error: {error}")
