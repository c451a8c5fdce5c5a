"""What an answer must look like to be believed; nothing is concluded from any other.

Rows are not looked at: they are stored as they come, and judged one by one later.
"""

from __future__ import annotations

from typing import Any


def get(payload: Any, name: str) -> Any:
    """Return a value of an object, None if it is none or has none."""
    return payload.get(name) if isinstance(payload, dict) else None


def is_any(_: Any) -> bool:
    """Accept everything."""
    return True


def is_list(payload: Any) -> bool:
    """Accept a list, an empty one too."""
    return isinstance(payload, list)


def is_object(payload: Any) -> bool:
    """Accept an object that says something."""
    return isinstance(payload, dict) and bool(payload)


def has_id(payload: Any) -> bool:
    """Accept an object that has an id."""
    return isinstance(get(payload, "id"), str)


def is_page(payload: Any) -> bool:
    """Accept one page of a list."""
    return is_list(get(payload, "results"))


def has_transactions(payload: Any) -> bool:
    """Accept an object with the list of what is booked, and perhaps of what is pending."""
    transactions = get(payload, "transactions")
    pending = get(transactions, "pending")
    # They are documented to come whole. Should they ever come in pages, the first alone would pass
    # for everything there is.
    whole = get(payload, "next") in (None, "")
    return whole and is_list(get(transactions, "booked")) and (pending is None or is_list(pending))
