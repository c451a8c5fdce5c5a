"""Write docs/sandbox.md from the sandbox's switches and real banks.

``--check`` writes nothing and fails if what is there is not what would be written.
"""

from __future__ import annotations

import sys

from pages import cell, keep

from sandbox.broker_quirks import BROKER, BROKER_QUIRKS
from sandbox.quirks import QUIRKS
from sandbox.real_banks import REAL_BANKS
from sandbox.trading212_faults import REFUSALS

_PAGE = """\
# The sandbox

`python -m sandbox --port 8765` serves GoCardless and Trading 212 over a made-up household, see
`--help`; `sandbox.server.running()` does the same in a test. Written by `make docs` from `sandbox`.

## Driving it

| route | does |
|---|---|
| `GET, PUT /sandbox/clock` | tells or sets the instant: `{{"now": ...}}`, `{{"advance_days": 3}}` |
| `GET /sandbox/truth`, `.../truth/<institution>` | what really happened, whatever was served |
| `GET, DELETE /sandbox/requests` | every provider call seen |
| `GET, PUT, DELETE /sandbox/faults` | what the next calls get instead of their answer |
| `GET, PUT, DELETE /sandbox/quirks` | what banks do otherwise than documented |

## Quirks

```
PUT /sandbox/quirks {{"institution": "BARCLAYS_BUKBGB22", "quirks": ["I5", "D6"]}}
```

or `sandbox.quirks("BARCLAYS_BUKBGB22", "I5", "D6")` in Python. The list replaces the one that was
on; its quirks apply in their order, and the bank's calls count from one again. A quirk changes how
a bank tells, never what is true. `tests/quirks` has a test for each.

| quirk | what the bank does |
|---|---|
{quirks}

## The broker

It has switches as well, under the name `{broker}`: `sandbox.quirks("{broker}", "N1", "Q4")`. What
is marked *always* needs none. `legacy` is the API of 2024, `cards` lets the household pay by card,
and `flaky` lets pages fail. `tests/broker` has a test for each.

Beside the household's own key there are one of an ISA, one of a practice account (served below
`/demo/api/v0`), and one with few permissions: see `sandbox/__init__.py`.

| quirk | what the broker does |
|---|---|
{broker_quirks}

`sandbox.trading212_faults.refusal(NAME, PATH)` is each of its refusals, by status and kind of body:
{refusals}.

## Real banks

Under the ids of real banks the sandbox tells of a household with few payments, one of each kind,
as documented unless quirks are on. So what the platform knows of those banks is put to the test.

| institution | bank | currency | accounts |
|---|---|---|---|
{banks}
"""


def main() -> int:
    """Write or check the page, and return the exit code."""
    quirks = (f"| {number} | {cell(quirk.what)} |" for number, quirk in QUIRKS.items())
    banks = (
        f"| `{bank.id}` | {bank.name} | {bank.currency} | {len(bank.accounts)} |"
        for bank in REAL_BANKS.values()
    )
    broker = (
        f"| {number} | {cell(quirk.what)}{' (always)' if quirk.is_always else ''} |"
        for number, quirk in BROKER_QUIRKS.items()
    )
    page = _PAGE.format(
        quirks="\n".join(quirks),
        banks="\n".join(banks),
        broker=BROKER,
        broker_quirks="\n".join(broker),
        refusals=", ".join(f"`{name}`" for name in REFUSALS),
    )
    return keep("sandbox.md", page)


if __name__ == "__main__":
    sys.exit(main())
