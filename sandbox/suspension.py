"""Accounts whose bank fails too often in a row are suspended, for as long as their consent lasts.

The bank's own errors and a lost consent count, limits and a service that is down do not [GoCardless
help 11528813710876]. An answer ends the row. Only a new requisition opens the account again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.core import Core

MOST_FAILURES = 10
COUNTED = frozenset({"UnknownRequestError", "AccessExpiredError"})

_DATA = re.compile(r"/accounts/([^/]+)/(?:balances|details|transactions)/?$")


def note_failure(core: Core, path: str, body: Any) -> None:
    """Count an error that an account is answered with, if it is one that counts."""
    found = _DATA.search(path)
    kind = body.get("type") if isinstance(body, Mapping) else None
    if found is None or kind not in COUNTED:
        return
    account = found.group(1)
    core.state.failures[account] += 1
    if core.state.failures[account] >= MOST_FAILURES:
        for requisition in core.state.requisitions.values():
            if account in requisition.accounts:
                requisition.status = "SU"
    core.state.save()


def note_success(core: Core, account: str) -> None:
    """Note that the bank answered."""
    core.state.failures.pop(account, None)


def is_suspended(core: Core, account: str) -> bool:
    """Tell whether all that opened an account was suspended."""
    opened = [each.status for each in core.state.requisitions.values() if account in each.accounts]
    return bool(opened) and all(status == "SU" for status in opened)
