"""``farthing up`` and ``farthing down``: the services, with the sandbox where it is due."""

from __future__ import annotations

import sys

from cli import demo_home, services
from cli.output import say, working
from farthing.settings import Settings


def up() -> int:
    """Start the services and say where they are.

    :returns: 0.
    """
    settings = Settings.load()
    # It is held here until the services hold it themselves, which get its address with the
    # environment.
    with demo_home.providers(settings) as sandbox:
        extra = {}
        if sandbox is not None:
            sandbox.wait()
            extra["sandbox"] = [sys.executable, "-m", "cli.demo_home"]
        with working("Starting the web UI and the daemon"):
            started = services.up(Settings.load(), extra=extra)
    if started.was_running:
        say(f"Farthing is up already: {started.url}")
    else:
        say(f"Farthing is up: {started.url}")
    say("Schedules are running; `farthing down` stops everything.")
    return 0


def down() -> int:
    """Stop everything that runs for this home.

    :returns: 0, also if nothing ran.
    """
    settings = Settings.load()
    with working("Stopping"):
        stopped = services.down(settings)
        demo_home.sweep(settings.home)
    say("Everything is stopped." if stopped else "Nothing was running.")
    return 0
