"""Configuration from the environment, read once per command and checked before anything starts."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from farthing import clock
from farthing.errors import ConfigurationError

PROJECT_ROOT = Path(__file__).resolve().parent.parent

GOCARDLESS_PUBLIC_URL = "https://bankaccountdata.gocardless.com/api/v2"
TRADING212_PUBLIC_URL = "https://live.trading212.com/api/v0"
TRADING212_DEMO_PUBLIC_URL = "https://demo.trading212.com/api/v0"
ECB_PUBLIC_URL = "https://www.ecb.europa.eu/stats/eurofxref"


def _home(path: Path) -> Path:
    # The embedded server and Dagster run in folders of their own, where a relative one is another.
    path = path.absolute()
    if path.exists() and not path.is_dir():
        message = "is not a directory"
        raise ValueError(message)
    return path


def _http_base(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        message = "must start with http:// or https://"
        raise ValueError(message)
    if not _split(url).hostname:
        message = "names no host"
        raise ValueError(message)
    return url.rstrip("/")


def _postgres_url(url: str) -> str:
    if not url.startswith(("postgresql://", "postgres://")):
        message = "must look like postgresql://user:password@host:5432/database"
        raise ValueError(message)
    if _split(url).netloc.count("@") > 1:
        message = "must have an @ of the password written as %40"
        raise ValueError(message)
    return "postgresql://" + url.split("://", 1)[1]


def _split(url: str) -> SplitResult:
    # Without the reason: it would repeat a part of the URL, which may be one of the password.
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check
    except ValueError:
        message = "is not a URL; a port is a number, a / in a password is written as %2F"
        raise ValueError(message) from None
    return parts


HttpBase = Annotated[str, AfterValidator(_http_base)]
PostgresUrl = Annotated[str, AfterValidator(_postgres_url)]


class Settings(BaseSettings):
    """Every variable that Farthing reads; their names are the public surface.

    :param home: embedded server's data, Dagster home, generated key, logs; always absolute.
    :param database_url: any PostgreSQL 15 or newer; unset, the embedded server is used.
    :param encryption_keys: Fernet keys, newest first, separated by commas; unset, one is generated.
    :param now: what instant it is, see :mod:`farthing.clock`.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        validate_by_name=True,
        case_sensitive=True,
    )

    home: Annotated[Path, AfterValidator(_home)] = Field(
        PROJECT_ROOT / ".farthing", validation_alias="FARTHING_HOME"
    )
    database_url: PostgresUrl | None = Field(
        None, validation_alias="FARTHING_DATABASE_URL", repr=False
    )
    encryption_keys: SecretStr | None = Field(None, validation_alias="FARTHING_ENCRYPTION_KEYS")
    now: str | None = Field(None, validation_alias=clock.NOW_VARIABLE)
    gocardless_base_url: HttpBase = Field(
        GOCARDLESS_PUBLIC_URL, validation_alias="GOCARDLESS_BASE_URL"
    )
    gocardless_secret_id: SecretStr | None = Field(None, validation_alias="GOCARDLESS_SECRET_ID")
    gocardless_secret_key: SecretStr | None = Field(None, validation_alias="GOCARDLESS_SECRET_KEY")
    trading212_base_url: HttpBase = Field(
        TRADING212_PUBLIC_URL, validation_alias="TRADING212_BASE_URL"
    )
    trading212_demo_base_url: HttpBase = Field(
        TRADING212_DEMO_PUBLIC_URL, validation_alias="TRADING212_DEMO_BASE_URL"
    )
    ecb_base_url: HttpBase = Field(ECB_PUBLIC_URL, validation_alias="ECB_BASE_URL")

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        :raises ConfigurationError: on the first malformed value; one line, with its variable.
        """
        try:
            settings = cls()  # pyright: ignore[reportCallIssue]
        except ValidationError as error:
            raise ConfigurationError(_first_line(error)) from None
        if settings.now is not None:
            clock.parse_instant(settings.now)
        return settings

    @cached_property
    def gocardless_secrets(self) -> tuple[SecretStr, SecretStr]:
        """The operator's own secret id and key.

        :raises ConfigurationError: if one of them is unset.
        """
        if self.gocardless_secret_id is None:
            message = "GOCARDLESS_SECRET_ID is not set; create a secret in the GoCardless portal"
            raise ConfigurationError(message)
        if self.gocardless_secret_key is None:
            message = "GOCARDLESS_SECRET_KEY is not set; create a secret in the GoCardless portal"
            raise ConfigurationError(message)
        return self.gocardless_secret_id, self.gocardless_secret_key


def _first_line(error: ValidationError) -> str:
    first: Any = error.errors(include_input=False, include_url=False)[0]
    variable = str(first["loc"][0])
    reason = str(first["msg"]).removeprefix("Value error, ")
    return f"{variable}: {reason}"
