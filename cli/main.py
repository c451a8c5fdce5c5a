"""The entry point: runs what was typed, and turns what goes wrong into one line and an exit code.

Nothing heavy is imported before it is known what to do: help has to come at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from cli.commands import app
from farthing.errors import FarthingError

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :param arguments: what follows ``farthing``; unset, what the process was given.
    :returns: 0 done, 1 failed, 2 wrong use or configuration, 3 done in part, 130 interrupted.
    """
    if arguments is not None:
        return _run(arguments)
    _be_a_process()
    code = _run(sys.argv[1:])
    if code == _INTERRUPTED:
        # Threads that are still at work would be waited for.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        # Without a command, the help is what is wanted.
        code = app(list(arguments) or ["--help"], prog_name="farthing", standalone_mode=False)
    except FarthingError as error:
        if _came_of_interrupt(error):
            return _interrupted()
        return _complain(str(error), error.exit_code)
    except TyperException as error:
        message = error.format_message()
        if "\n" in message:  # the help of a group that was called without a command
            sys.stderr.write(f"{message}\n")
            return error.exit_code
        return _complain(message[:1].lower() + message[1:].removesuffix("."), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        # Whoever read our output has seen enough. Nothing more can be written at exit, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the last word on every defect
        if _came_of_interrupt(error):
            return _interrupted()
        from cli import crash  # noqa: PLC0415 - only needed when all is lost

        return _complain(crash.explain(error), 1)
    return code or 0


def _be_a_process() -> None:
    # A request to end unwinds as Ctrl-C does, so that servers that were started are stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Python drops an interrupt that arrives in a callback of its own housekeeping.
    sys.unraisablehook = _interrupt_again
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a sign gets a question mark, not a failure.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _interrupt_again(dropped: sys.UnraisableHookArgs) -> None:
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    else:
        sys.__unraisablehook__(dropped)


def _came_of_interrupt(error: BaseException | None) -> bool:
    """Tell whether something broke because what it was doing was interrupted.

    A database connection that was in the middle of a statement cannot be put back, for one.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _interrupted() -> int:
    sys.stderr.write("\n")
    return _INTERRUPTED


def _complain(message: str, code: int) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"error: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
