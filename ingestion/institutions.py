"""Find a bank by name or id, and say what its consents are like before one is given."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from ingestion.gocardless import open_client
from ingestion.run import Run
from providers.errors import UnexpectedResponse
from providers.gocardless import banks, models
from providers.gocardless.terms import longest_terms


def search_institutions(
    run: Run, *, text: str | None = None, country: str | None = None
) -> Sequence[models.Institution]:
    """Ask GoCardless for its banks, and return those that are meant, the likeliest first.

    :param text: words of the name or the id in any case, or nearly the id; None: all, by name.
    :param country: two letters; None: of all countries.
    :raises Rejected: if there is no such country.
    """
    with open_client(run) as client:
        listed = client.institutions(country).payload
    known = [bank for payload in listed if (bank := _read(payload)) is not None]
    if text is None:
        return sorted(known, key=lambda bank: (bank.name.casefold(), bank.id))
    return _nearest(text, {bank.id: bank for bank in known})


def about(bank: models.Institution) -> Sequence[str]:
    """Return what a person should know of a bank's consents, a sentence each."""
    profile, terms = banks.profile(bank.id), longest_terms(bank)
    said = []
    if profile.accounts_per_consent is not None:
        accounts = profile.accounts_per_consent
        said.append(
            f"It opens {accounts} account{'' if accounts == 1 else 's'} a consent; connect it again"
            " with --another for the others."
        )
    if bank.separates_history and bank.transaction_total_days > terms.history_days:
        said.append(
            f"A consent that lasts reaches {terms.history_days} days back; with --all-history one"
            f" is asked for first that reaches {bank.transaction_total_days} days back and ends the"
            " next day."
        )
    elif profile.history_days is not None and profile.history_days < terms.history_days:
        said.append(f"It tells of more than {profile.history_days} days right after consent only.")
    if terms.is_reconfirmed:
        said.append("It wants to be confirmed once more every 90 days; you will be told.")
    return said


def _read(payload: object) -> models.Institution | None:
    try:
        return models.Institution.parse(payload)
    except UnexpectedResponse:
        return None  # one entry that is not understood hides none of the others


def _nearest(wanted: str, known: dict[str, models.Institution]) -> Sequence[models.Institution]:
    words = wanted.casefold().replace("_", " ").split()
    texts = {each: f"{each} {bank.name}".casefold() for each, bank in known.items()}
    holding = [each for each, text in texts.items() if words and all(w in text for w in words)]
    if not holding:
        by_id = {each.casefold(): each for each in known}
        near = difflib.get_close_matches(wanted.casefold(), by_id, n=5)
        return [known[by_id[each]] for each in near]
    return [known[each] for each in sorted(holding, key=lambda each: (len(texts[each]), each))]
