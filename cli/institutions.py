"""``farthing institutions``: which banks there are, and how they let themselves be read."""

from __future__ import annotations

from cli.connect import explained
from cli.output import print_json, print_table, say
from cli.session import opened
from ingestion.institutions import about, search_institutions
from providers.gocardless.terms import longest_terms


def show(text: str | None, country: str | None, *, as_json: bool) -> None:
    """List the banks that GoCardless reads.

    :param text: words of the name or the id; None: all.
    :param country: two letters; None: all.
    """
    with opened(asks_providers=True) as ledger, explained():
        found = search_institutions(ledger.run, text=text, country=country)
    if as_json:
        print_json(
            [
                {
                    "id": bank.id,
                    "name": bank.name,
                    "bic": bank.bic,
                    "countries": bank.countries,
                    "history_days": bank.transaction_total_days,
                    "access_days": longest_terms(bank).access_days,
                    "is_reconfirmed": longest_terms(bank).is_reconfirmed,
                    "notes": about(bank),
                }
                for bank in found
            ]
        )
        return
    if not found:
        say("There is no such bank; with fewer letters there may be.")
        return
    print_table(
        ("Id", "Name", "Countries", "History", "Access"),
        [
            (
                bank.id,
                bank.name,
                " ".join(bank.countries),
                f"{bank.transaction_total_days} days",
                f"{longest_terms(bank).access_days} days",
            )
            for bank in found
        ],
        numbers=("History", "Access"),
    )
