"""Access and refresh tokens: signed, with their lifetime inside, judged by the sandbox's clock."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import uuid

from sandbox import SECRET_KEY

ACCESS_SECONDS = 86_400
REFRESH_SECONDS = 2_592_000


def issue(kind: str, now: dt.datetime) -> str:
    """Return a token of a kind (``access`` or ``refresh``) whose lifetime begins now."""
    seconds = ACCESS_SECONDS if kind == "access" else REFRESH_SECONDS
    claims = {"token_type": kind, "exp": int(now.timestamp()) + seconds, "jti": uuid.uuid4().hex}
    signed = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(claims)}"
    return f"{signed}.{_sign(signed)}"


def is_valid(token: str, kind: str, now: dt.datetime) -> bool:
    """Tell whether a token is ours, of a kind, and still alive."""
    signed, _, signature = token.rpartition(".")
    if not signed or not hmac.compare_digest(_sign(signed).encode(), signature.encode()):
        return False
    try:
        packed = signed.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return False
    return bool(claims["token_type"] == kind and claims["exp"] > now.timestamp())


def _pack(document: dict[str, object]) -> str:
    return _base64(json.dumps(document, separators=(",", ":")).encode())


def _sign(text: str) -> str:
    return _base64(hmac.new(SECRET_KEY.encode(), text.encode(), hashlib.sha256).digest())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
