"""Columns whose plaintext the database never sees.

A value is sealed into one column of one row of one owner. Moved to any other place, it does not
open. What Python holds of it is opaque: there is no plaintext to show in a ``repr``, a log or an
error.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Protocol, cast

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import InstrumentedAttribute

from farthing.secrets import SecretBox
from postgres.errors import NotFoundError, OperationError


class Owned(Protocol):
    """A row with an owner."""

    id: Any
    user_id: Any


class NotSealedError(OperationError, sa.exc.DontWrapMixin):
    """What was to be written into an encrypted column was not sealed for it."""


@dataclass(frozen=True, slots=True, repr=False)
class Encrypted:
    """A sealed value.

    :param place: the column that it was sealed for, as ``schema.table.column``.
    """

    place: str
    token: bytes

    def __repr__(self) -> str:
        return f"Encrypted({self.place})"


class EncryptedText(sa.types.TypeDecorator[Encrypted]):
    """The type of an encrypted column. Its table has an ``id`` and a ``user_id``.

    :param place: the column itself, as ``schema.table.column``.
    :param formerly: what an earlier version bound its values to, with the owner and without the
        row; they still open, and a rotation binds them to their row.
    """

    impl = sa.LargeBinary
    cache_ok = True

    def __init__(self, place: str, *, formerly: str | None = None) -> None:
        super().__init__()
        self.place = place
        self.formerly = formerly

    def seal(
        self, box: SecretBox, row_id: uuid.UUID, user_id: uuid.UUID, plaintext: SecretStr
    ) -> Encrypted:
        """Encrypt a value for one row."""
        context = self._context(row_id, user_id)
        return Encrypted(self.place, box.encrypt(plaintext.get_secret_value(), context=context))

    def reveal(
        self, box: SecretBox, row_id: uuid.UUID, user_id: uuid.UUID, value: Encrypted
    ) -> SecretStr:
        """Decrypt the value of one row.

        :raises DecryptionError: if no key opens it, or it was sealed for another place.
        """
        context, former = self._context(row_id, user_id), self._former(user_id)
        return SecretStr(box.decrypt(value.token, context=context, former=former))

    def renew(
        self, box: SecretBox, row_id: uuid.UUID, user_id: uuid.UUID, value: Encrypted
    ) -> Encrypted | None:
        """Return the value of one row as sealed with the newest key; None: it is already.

        :raises DecryptionError: as :meth:`reveal`.
        """
        context, former = self._context(row_id, user_id), self._former(user_id)
        token = box.renew(value.token, context=context, former=former)
        return None if token is None else Encrypted(self.place, token)

    def _context(self, row_id: uuid.UUID, user_id: uuid.UUID) -> str:
        return f"{self.place}:{user_id}:{row_id}"

    def _former(self, user_id: uuid.UUID) -> str | None:
        return f"{self.formerly}:{user_id}" if self.formerly else None

    def process_bind_param(self, value: Any, _dialect: sa.Dialect) -> bytes | None:
        """Let nothing through that was not sealed for this column, least of all a plaintext."""
        if value is None:
            return None
        if not isinstance(value, Encrypted) or value.place != self.place:
            message = f"only what was sealed for {self.place} can be written there"
            raise NotSealedError(message)
        return value.token

    def process_result_value(self, value: Any, _dialect: sa.Dialect) -> Encrypted | None:
        """Wrap what is stored."""
        return None if value is None else Encrypted(self.place, bytes(value))


def seal(
    box: SecretBox, row: Owned, column: InstrumentedAttribute[Any], plaintext: SecretStr
) -> None:
    """Encrypt a value into a column of a row.

    :param row: has its ``id`` and ``user_id`` already: the value is bound to them.
    :param column: such as ``ApiKey.key_ciphertext``.
    :raises NotSealedError: if the row has no id or owner yet.
    """
    if row.id is None or row.user_id is None:
        message = "a row needs its id and its owner before anything is sealed into it"
        raise NotSealedError(message)
    setattr(row, column.key, _type(column).seal(box, row.id, row.user_id, plaintext))


def reveal(box: SecretBox, row: Owned, column: InstrumentedAttribute[Any]) -> SecretStr:
    """Return what is in an encrypted column of a row.

    :raises NotFoundError: if nothing is.
    :raises DecryptionError: if no key opens it, or it was sealed for another place.
    """
    value: Encrypted | None = getattr(row, column.key)
    if value is None:
        message = f"nothing is stored in {_type(column).place}"
        raise NotFoundError(message)
    return _type(column).reveal(box, row.id, row.user_id, value)


def _type(column: InstrumentedAttribute[Any]) -> EncryptedText:
    return cast("EncryptedText", column.type)
