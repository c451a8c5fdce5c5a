"""Every model, for what needs the whole metadata: migrations and checks."""

from __future__ import annotations

from postgres.auth import models as auth
from postgres.common import models as common
from postgres.core import Base
from postgres.gocardless import models as gocardless
from postgres.telegram import models as telegram
from postgres.trading212 import models as trading212

metadata = Base.metadata

__all__ = ["auth", "common", "gocardless", "metadata", "telegram", "trading212"]
