"""GoCardless's tokens, shared by all processes through the database, encrypted."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy.orm import Session, sessionmaker

from farthing import clock
from farthing.secrets import DecryptionError, SecretBox
from postgres import payload
from postgres.auth.operations import provider_tokens
from providers.gocardless.tokens import Tokens

_CONTEXT = "auth.provider_tokens.sealed"


@dataclass(frozen=True, slots=True)
class _Slot:
    session: Session
    box: SecretBox
    secrets_hash: bytes

    def load(self) -> Tokens | None:
        sealed = provider_tokens.get_sealed(self.session, self.secrets_hash)
        if sealed is None:
            return None
        try:
            return Tokens(**payload.loads(self.box.decrypt(sealed, context=self._context)))
        except (DecryptionError, TypeError, ValueError):
            # Of a key that is gone, or of another version: a new token costs one call.
            return None

    def keep(self, tokens: Tokens) -> None:
        whole = {
            "access": tokens.access,
            "refresh": tokens.refresh,
            "access_until": int(tokens.access_until),
            "refresh_until": int(tokens.refresh_until),
        }
        sealed = self.box.encrypt(payload.dumps(whole), context=self._context)
        provider_tokens.keep_sealed(self.session, self.secrets_hash, sealed, at=clock.now())

    @property
    def _context(self) -> str:
        return f"{_CONTEXT}:{self.secrets_hash.hex()}"


class SharedTokens:
    """The tokens of one pair of secrets; see :class:`providers.gocardless.tokens.Store`."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        box: SecretBox,
        base_url: str,
        secrets: Iterable[SecretStr],
    ) -> None:
        """Read nothing yet.

        :param base_url: the provider's address, for the same secrets may be tried elsewhere.
        :param secrets: all of them, so that a wrong one is found out.
        """
        self._sessions, self._box = sessions, box
        named = "\n".join((base_url, *(secret.get_secret_value() for secret in secrets)))
        self._secrets_hash = hashlib.sha256(named.encode()).digest()

    def load(self) -> Tokens | None:
        """Return what was kept last."""
        with self._sessions() as session:
            return _Slot(session, self._box, self._secrets_hash).load()

    @contextlib.contextmanager
    def opened(self) -> Iterator[_Slot]:
        """Let one process at a time ask for tokens: the others find what it was given."""
        with self._sessions.begin() as session:
            provider_tokens.lock_sealed(session, self._secrets_hash)
            yield _Slot(session, self._box, self._secrets_hash)
