"""Encryption of the few values that must never be readable in the database.

A ciphertext is bound to its context, the column and the owner of its row: one copied to another
row or column does not decrypt. The keys never enter the database.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from farthing.errors import ConfigurationError, FarthingError
from farthing.settings import Settings

_KEY_FILE = "encryption.key"
_VARIABLE = "FARTHING_ENCRYPTION_KEYS"
_DIGEST_BYTES = 32


class DecryptionError(FarthingError):
    """A stored secret does not decrypt with the configured keys, or stands in another's place."""


class SecretBox:
    """Encrypts with the newest key, decrypts with any."""

    def __init__(self, fernet: MultiFernet) -> None:
        self._fernet = fernet

    @classmethod
    def from_settings(cls, settings: Settings) -> SecretBox:
        """Use the configured keys, or the one generated into the home on first use (mode 0600).

        :raises ConfigurationError: if a configured key is not a Fernet key.
        """
        if settings.encryption_keys is not None:
            return cls(_parse(settings.encryption_keys.get_secret_value(), source=_VARIABLE))
        path = settings.home / _KEY_FILE
        return cls(_parse(_read_or_generate(path), source=str(path)))

    def encrypt(self, plaintext: str, *, context: str) -> bytes:
        """Return a token that only decrypts with the same context.

        :param context: column and owner, such as ``trading212.api_keys.secret:<user id>``.
        """
        return self._fernet.encrypt(_digest(context) + plaintext.encode())

    def decrypt(self, token: bytes, *, context: str) -> str:
        """Return the plaintext of :meth:`encrypt`.

        :raises DecryptionError: if no key fits, or the token was made for another context.
        """
        try:
            bound = self._fernet.decrypt(token)
        except InvalidToken as error:
            message = (
                f"a stored secret does not decrypt; is {_VARIABLE} the key it was stored with?"
            )
            raise DecryptionError(message) from error
        if not hmac.compare_digest(bound[:_DIGEST_BYTES], _digest(context)):
            message = "a stored secret was moved from another row or column; connect again"
            raise DecryptionError(message)
        return bound[_DIGEST_BYTES:].decode()


def _digest(context: str) -> bytes:
    return hashlib.sha256(context.encode()).digest()


def _parse(keys: str, *, source: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
    except ValueError as error:
        message = f"{source}: expected Fernet keys separated by commas, newest first"
        raise ConfigurationError(message) from error


def _read_or_generate(path: Path) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        _generate(path)
    # Whatever is not a key is refused with the file's name, be it text or not.
    return path.read_text(encoding="ascii", errors="replace")


def _generate(path: Path) -> None:
    # The draft is each thread's own, mode 0600. The link lets exactly one of them become the key,
    # and it appears whole.
    descriptor, draft = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())  # what it encrypts must not outlive it
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
