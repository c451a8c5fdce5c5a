"""The client of GoCardless Bank Account Data v2."""

from __future__ import annotations

import datetime as dt
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from farthing import clock
from providers.deadline import Deadline
from providers.errors import AuthenticationFailed, ProviderError, RateLimited, Rejected
from providers.gocardless.errors import GENERAL, LABEL, PROVIDER, Refusal, classify, rate_limits
from providers.gocardless.limits import limit_of
from providers.gocardless.shapes import (
    get,
    has_id,
    has_transactions,
    is_any,
    is_list,
    is_object,
    is_page,
)
from providers.gocardless.tokens import TokenKeeper
from providers.http import Answer, MayRepeat, RateLimit, Reply, Transport
from providers.pacing import Limit, Pace

ALL_SCOPES = ("balances", "details", "transactions")

DEADLINE_S = 60.0
_LONGEST_ID = 200
_PAGE_LIMIT = 100
_MAX_PAGES = 1000

# The one summary of a 401 that is about the token; all others are about a consent.
_STALE = "invalid token"


class GoCardlessClient:
    """Reads banks through GoCardless; one for many accounts and threads.

    A bank's limit, four calls a day, is not waited for: it is handed on with each answer and
    planned with. The general limits are the business of ``pace``, which waits where that is short.
    A call is repeated only where that is safe, see :mod:`providers.http`. Where a bank counts them,
    ``may_repeat`` is asked first, since each attempt may be one of the four.
    """

    def __init__(
        self,
        base_url: str,
        secret_id: SecretStr,
        secret_key: SecretStr,
        *,
        deadline_s: float = DEADLINE_S,
        backoff_s: float = 0.5,
        transport: httpx.BaseTransport | None = None,
        tokens: TokenKeeper | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Ask for nothing yet: the token comes with the first call.

        :param base_url: ends in ``/api/v2``.
        :param deadline_s: how long one call may take, token and repeats included.
        :param backoff_s: the wait before a first repeat.
        :param transport: another transport in place of the network.
        :param tokens: of the same base and secrets, shared with clients that came before.
        :param pace: keeps the general limits, for all who share the secrets; None keeps none.
        """
        self._pace = pace
        self._http = Transport(
            base_url,
            provider=PROVIDER,
            label=LABEL,
            deadline_s=deadline_s,
            backoff_s=backoff_s,
            transport=transport,
            pace=None if pace is None else lambda method, path: pace.take(limit_of(method, path)),
        )
        self._tokens = tokens or TokenKeeper(secret_id, secret_key)
        self._http.redactor.learn(*self._tokens.secrets())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._http!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; the client cannot be used again."""
        self._http.close()

    # Banks

    def institutions(self, country: str | None = None) -> Answer:
        """Return the banks, a list.

        :param country: two letters; without it, those of all countries.
        """
        query = _query(country=country)
        return self._read("/institutions/", is_list, query=query)

    def institution(self, institution_id: str) -> Answer:
        """Return one bank."""
        return self._read(f"/institutions/{self._part(institution_id)}/", has_id)

    # Consent

    def create_agreement(
        self,
        institution_id: str,
        *,
        max_historical_days: int,
        access_valid_for_days: int,
        access_scope: Sequence[str] = ALL_SCOPES,
        reconfirmation: bool = False,
    ) -> Answer:
        """Lay down what a user will be asked to agree to.

        :param reconfirmation: the user confirms it every 90 days, which some banks in the United
            Kingdom let it last longer for.
        :raises AccessDenied: if the company may not use reconfirmation.
        :raises Rejected: if the bank does not offer so many days, or the free ones are used up.
        """
        body = {
            "institution_id": institution_id,
            "max_historical_days": max_historical_days,
            "access_valid_for_days": access_valid_for_days,
            "access_scope": list(access_scope),
        }
        if reconfirmation:
            body["reconfirmation"] = True
        return self._send("POST", "/agreements/enduser/", has_id, body=body)

    def agreement(self, agreement_id: str) -> Answer:
        """Return one agreement."""
        return self._read(f"/agreements/enduser/{self._part(agreement_id)}/", has_id)

    def delete_agreement(self, agreement_id: str) -> Answer:
        """End an agreement."""
        return self._send("DELETE", f"/agreements/enduser/{self._part(agreement_id)}/", is_any)

    def reconfirmation(self, agreement_id: str) -> Answer:
        """Return what became of asking the user to confirm once more.

        :raises NotFound: if they were not asked.
        """
        return self._read(f"/agreements/enduser/{self._part(agreement_id)}/reconfirm/", is_object)

    def create_reconfirmation(self, agreement_id: str, *, redirect: str) -> Answer:
        """Make the link that a user follows to confirm an agreement once more.

        :param redirect: where the user's browser goes in the end.
        :raises Rejected: if it is too late, or there is nothing to confirm.
        """
        path = f"/agreements/enduser/{self._part(agreement_id)}/reconfirm/"
        return self._send("POST", path, is_object, body={"redirect": redirect})

    def create_requisition(
        self,
        institution_id: str,
        *,
        redirect: str,
        agreement_id: str,
        reference: str,
        user_language: str | None = None,
    ) -> Answer:
        """Make the link that a user follows to give consent.

        :param redirect: where the user's browser goes in the end.
        :param reference: ours; it comes back with the browser and must not have been used before.
        """
        body = {
            "institution_id": institution_id,
            "redirect": redirect,
            "agreement": agreement_id,
            "reference": reference,
        }
        if user_language is not None:
            body["user_language"] = user_language
        return self._send("POST", "/requisitions/", has_id, body=body)

    def requisition(self, requisition_id: str) -> Answer:
        """Return one requisition, with its accounts once it is linked."""
        return self._read(f"/requisitions/{self._part(requisition_id)}/", has_id)

    def requisitions(self) -> Iterator[Answer]:
        """Return all requisitions, page after page.

        Of the address of the next page only the offset is used, so that no answer can lead a
        token to another place.

        :raises UnexpectedResponse: if the pages do not lead forward.
        """
        offset = 0
        for _ in range(_MAX_PAGES):
            query = _query(limit=_PAGE_LIMIT, offset=offset)
            answer = self._read("/requisitions/", is_page, query=query)
            yield answer
            following = answer.payload.get("next")
            if following is None:
                return
            further = _offset(following)
            if further is None or further <= offset:
                self._http.distrust("sent a list whose next page does not lead on")
            offset = further
        self._http.distrust(f"sent a list of more than {_MAX_PAGES} pages")

    def delete_requisition(self, requisition_id: str) -> Answer:
        """Delete a requisition, and with it its agreements."""
        return self._send("DELETE", f"/requisitions/{self._part(requisition_id)}/", is_any)

    # Accounts

    def account(self, account_id: str) -> Answer:
        """Return what GoCardless itself knows of an account; does not count at the bank."""
        return self._read(f"/accounts/{self._part(account_id)}/", is_object)

    def details(self, account_id: str, *, may_repeat: MayRepeat | None = None) -> Answer:
        """Return the bank's description of an account. Counts."""
        path = f"/accounts/{self._part(account_id)}/details/"
        return self._read(
            path, lambda payload: is_object(get(payload, "account")), may_repeat=may_repeat
        )

    def balances(self, account_id: str, *, may_repeat: MayRepeat | None = None) -> Answer:
        """Return every balance that the bank gives. Counts."""
        path = f"/accounts/{self._part(account_id)}/balances/"
        return self._read(
            path, lambda payload: is_list(get(payload, "balances")), may_repeat=may_repeat
        )

    def transactions(
        self,
        account_id: str,
        *,
        date_from: dt.date | None = None,
        date_to: dt.date | None = None,
        may_repeat: MayRepeat | None = None,
    ) -> Answer:
        """Return booked and pending transactions of a range of days, in one answer. Counts.

        :raises UnexpectedResponse: if the lists are not there. An answer without them is no proof
            that there are no transactions.
        """
        path = f"/accounts/{self._part(account_id)}/transactions/"
        query = _query(date_from=date_from, date_to=date_to)
        return self._read(path, has_transactions, query=query, may_repeat=may_repeat)

    # Sending

    def _read(
        self,
        path: str,
        guard: Callable[[Any], bool],
        *,
        query: str = "",
        may_repeat: MayRepeat | None = None,
    ) -> Answer:
        return self._send("GET", path, guard, query=query, may_repeat=may_repeat)

    def _send(
        self,
        method: str,
        path: str,
        guard: Callable[[Any], bool],
        *,
        query: str = "",
        body: Mapping[str, Any] | None = None,
        may_repeat: MayRepeat | None = None,
    ) -> Answer:
        deadline = self._http.deadline()
        access = self._access(deadline)

        def call() -> Reply:
            return self._call(
                method,
                path,
                access,
                deadline=deadline,
                query=query,
                body=body,
                may_repeat=may_repeat,
            )

        # Refused before anything was done, so even a POST may be sent again; but only once.
        try:
            reply = call()
        except AuthenticationFailed as error:
            if (error.summary or "").lower() != _STALE:
                raise
            access = self._access(deadline, refused=access)
            reply = call()
        except RateLimited as error:
            if not self._is_waited_for(error):
                raise
            reply = call()
        payload = None if method == "DELETE" and not reply.body else self._http.payload(reply)
        if not guard(payload):
            self._http.distrust("answered in an unexpected shape", status=reply.status)
        return Answer(payload, rate_limits(reply), reply.received_at)

    def _call(
        self,
        method: str,
        path: str,
        access: str,
        *,
        deadline: Deadline,
        query: str,
        body: Mapping[str, Any] | None,
        may_repeat: MayRepeat | None,
    ) -> Reply:
        try:
            reply = self._http.call(
                method,
                path,
                self._classify,
                deadline=deadline,
                query=query,
                body=body,
                headers={"Authorization": f"Bearer {access}"},
                may_repeat=may_repeat,
            )
        except ProviderError as error:
            self._tell(limit_of(method, path), error)
            raise
        self._tell(limit_of(method, path), rate_limits(reply))
        return reply

    def _tell(self, limit: Limit, said: ProviderError | tuple[RateLimit, ...]) -> None:
        """Hand on what an answer or a refusal says of the general limit."""
        if self._pace is None:
            return
        limits = said.rate_limits if isinstance(said, ProviderError) else said
        for each in limits:
            if each.scope == GENERAL:
                self._pace.told(limit, each.limit, each.remaining, _seconds_until(each.resets_at))
        if isinstance(said, RateLimited) and said.code == Refusal.GENERAL_LIMIT and not limits:
            self._pace.told(limit, None, 0, _seconds_until(said.resets_at))

    def _is_waited_for(self, error: RateLimited) -> bool:
        return (
            self._pace is not None
            and error.code == Refusal.GENERAL_LIMIT
            and self._pace.waits_for(_seconds_until(error.resets_at))
        )

    def _access(self, deadline: Deadline, *, refused: str | None = None) -> str:
        access = self._tokens.access(self._ask_token, deadline, refused=refused)
        self._http.redactor.learn(*self._tokens.secrets())
        return access

    def _ask_token(self, path: str, body: Mapping[str, str], deadline: Deadline) -> Any:
        reply = self._http.call("POST", path, self._classify, deadline=deadline, body=body)
        self._tell(limit_of("POST", path), rate_limits(reply))
        return self._http.payload(reply)

    def _classify(self, reply: Reply) -> ProviderError:
        return classify(reply, self._http.redactor)

    def _part(self, value: str) -> str:
        """Return an id as one part of a path, from which it cannot break out."""
        known = value.isascii() and value.isprintable() and len(value) <= _LONGEST_ID
        if not known or value.strip(". ") == "":
            message = f"{LABEL}: an id is empty or malformed"
            raise Rejected(message, provider=PROVIDER)
        return urllib.parse.quote(value, safe="")


def _query(**parts: object) -> str:
    return urllib.parse.urlencode({name: part for name, part in parts.items() if part is not None})


def _seconds_until(instant: dt.datetime | None) -> float:
    """Return what is left; a limit that says nothing is taken for one of a minute."""
    return 60.0 if instant is None else max((instant - clock.now()).total_seconds(), 0.0)


def _offset(following: object) -> int | None:
    if not isinstance(following, str):
        return None
    try:
        url = urllib.parse.urlsplit(following)
    except ValueError:
        return None
    if not url.path.rstrip("/").endswith("/requisitions"):
        return None
    offsets = urllib.parse.parse_qs(url.query).get("offset", [])
    return int(offsets[0]) if len(offsets) == 1 and offsets[0].isdecimal() else None
