from __future__ import annotations

import io
import zipfile

import httpx

from sandbox.server import running


def test_reference_rates_reach_to_the_day_before() -> None:
    with running(seed=7, now="2027-06-14T09:00:00Z") as sandbox:
        body = httpx.get(f"{sandbox.ecb_url}/eurofxref-hist.zip").content

    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        header, first, *others = archive.read("eurofxref-hist.csv").decode().splitlines()
    assert header.startswith("Date,USD,JPY")
    # The Friday before a Monday; the newest line comes first.
    assert first.startswith("2027-06-11,")
    dates = [line.split(",")[0] for line in others]
    assert dates == sorted(dates, reverse=True)
    assert dates[-1] == "1999-01-04"
    assert len(set(dates)) == len(dates)
