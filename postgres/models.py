"""Every model, for what needs the whole metadata: migrations and checks."""

from __future__ import annotations

from postgres.core import Base

metadata = Base.metadata

__all__ = ["metadata"]
