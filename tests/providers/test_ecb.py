"""The European Central Bank's archive: read exactly, or refused as a whole."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from decimal import Decimal

import pytest

from providers.ecb.client import EcbClient
from providers.ecb.rows import Rate, carried, read_rates
from providers.errors import ProviderError, Unavailable, UnexpectedResponse
from tests.providers.conftest import Script, Step

FIRST, LAST = dt.date(2026, 3, 12), dt.date(2026, 3, 13)
CSV = """Date,USD,JPY,GBP,HRK,
2026-03-16,1.1,160.5,0.86,N/A,
2026-03-13,1.1425,182.79,0.86470,N/A,
2026-03-12,1.1432,182.49,,N/A,
2026-03-11,1.1,180,0.86,7.5,
"""


def packed(text: str = CSV, member: str = "eurofxref-hist.csv") -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(member, text)
    return body.getvalue()


def test_the_days_asked_for_are_read_exactly_and_gaps_are_gaps() -> None:
    assert read_rates(packed(), first=FIRST, last=LAST) == [
        Rate("USD", LAST, Decimal("1.1425")),
        Rate("JPY", LAST, Decimal("182.79")),
        Rate("GBP", LAST, Decimal("0.86470")),
        Rate("USD", FIRST, Decimal("1.1432")),
        Rate("JPY", FIRST, Decimal("182.49")),
    ]


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"<html>maintenance</html>",
        packed()[:-40],
        packed()[:60] + b"\0" * 40 + packed()[100:],
        packed(""),
        packed(CSV.replace("Date", "Day")),
        packed(CSV.replace("1.1425", "-1.1425")),
        packed(CSV.replace("1.1425", "NaN")),
        packed(CSV.replace("1.1425", "Infinity")),
        packed(CSV.replace("1.1425", "about one")),
        packed(CSV.replace("2026-03-13,1.1425", "2026-03-12x,1.1425")),
        packed("Date,USD\n2026-03-13\n"),
        packed(CSV.replace("Date", "Daté")),
    ],
)
def test_what_is_not_the_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(ValueError, match="not an archive of reference rates"):
        read_rates(archive, first=FIRST, last=LAST)


def test_an_archive_without_a_file_or_with_a_huge_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(ValueError, match="not an archive"):
        read_rates(empty.getvalue(), first=FIRST, last=LAST)

    monkeypatch.setattr("providers.ecb.rows._MAX_CSV_BYTES", 10)
    with pytest.raises(ValueError, match="not an archive"):
        read_rates(packed(), first=FIRST, last=LAST)


def test_the_installed_archive_has_every_currency_to_its_end() -> None:
    rates = read_rates(carried(), first=dt.date(1999, 1, 4), last=dt.date(2026, 3, 13))
    last = {rate.currency: rate.day for rate in sorted(rates, key=lambda rate: rate.day)}

    assert min(rate.day for rate in rates) == dt.date(1999, 1, 4)
    assert (last["HRK"], last["RUB"]) == (dt.date(2022, 12, 30), dt.date(2022, 3, 1))
    assert last["GBP"] == last["USD"] == dt.date(2026, 3, 13)
    assert len(rates) > 200_000
    assert all(rate.rate > 0 for rate in rates)


def test_the_client_reads_what_the_bank_publishes(script: Script) -> None:
    script.on("/folder/eurofxref-hist.zip", Step(raw=packed()))

    with EcbClient(f"{script.url}/folder") as client:
        rates = client.rates(first=FIRST, last=LAST)

    assert len(rates) == 5
    (call,) = script.calls
    assert (call.method, call.query, call.headers["accept"]) == ("GET", "", "application/zip")


@pytest.mark.parametrize(
    ("step", "error", "words"),
    [
        (Step(status=404), Unavailable, "status 404"),
        (Step(status=503), Unavailable, "status 503"),
        (Step(status=302, headers={"Location": "/x"}), Unavailable, "status 302"),
        (Step(raw=b"<html>"), UnexpectedResponse, "not an archive"),
        (Step(raw=packed(), act="truncate"), Unavailable, "broke off"),
        (Step(raw=packed(), act="hang up"), Unavailable, "broke off"),
    ],
)
def test_what_goes_wrong_is_one_error_and_one_call(
    script: Script, step: Step, error: type[ProviderError], words: str
) -> None:
    script.on("/eurofxref-hist.zip", step)

    with EcbClient(script.url) as client, pytest.raises(error, match=words) as raised:
        client.rates(first=FIRST, last=LAST)
    assert "European Central Bank" in str(raised.value)
    assert len(script.calls) == 1


def test_nobody_waits_for_a_bank_that_is_silent(script: Script) -> None:
    script.on("/eurofxref-hist.zip", Step(act="hang"))

    with EcbClient(script.url, deadline_s=0.2) as client, pytest.raises(Unavailable, match=r"0\.2"):
        client.rates(first=FIRST, last=LAST)
    assert len(script.calls) == 1
