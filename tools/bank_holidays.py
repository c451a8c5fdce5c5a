"""Write the seeds of the dbt project that tell working days: holidays, and where time zones lie.

Usage: python tools/bank_holidays.py [FIRST_YEAR LAST_YEAR]

The days are those of the ``holidays`` package: public holidays of the whole country, and what it
knows of days on which the banks are closed besides. For the United Kingdom they are those of
England and Wales, by which its payment systems go. Run it again after an upgrade of the package.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import holidays

SEEDS = Path(__file__).resolve().parent.parent / "dbt_project" / "seeds"

YEARS = (2015, 2040)

# Every country with banks that can be read, by the time zones of people who live there.
ZONES = {
    "AT": ["Europe/Vienna"],
    "BE": ["Europe/Brussels"],
    "BG": ["Europe/Sofia"],
    "CH": ["Europe/Zurich"],
    "CY": ["Asia/Nicosia", "Europe/Nicosia"],
    "CZ": ["Europe/Prague"],
    "DE": ["Europe/Berlin", "Europe/Busingen"],
    "DK": ["Europe/Copenhagen"],
    "EE": ["Europe/Tallinn"],
    "ES": ["Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta"],
    "FI": ["Europe/Helsinki"],
    "FR": ["Europe/Paris"],
    "GB": ["Europe/London", "Europe/Belfast"],
    "GR": ["Europe/Athens"],
    "HR": ["Europe/Zagreb"],
    "HU": ["Europe/Budapest"],
    "IE": ["Europe/Dublin"],
    "IS": ["Atlantic/Reykjavik"],
    "IT": ["Europe/Rome"],
    "LI": ["Europe/Vaduz"],
    "LT": ["Europe/Vilnius"],
    "LU": ["Europe/Luxembourg"],
    "LV": ["Europe/Riga"],
    "MT": ["Europe/Malta"],
    "NL": ["Europe/Amsterdam"],
    "NO": ["Europe/Oslo"],
    "PL": ["Europe/Warsaw"],
    "PT": ["Europe/Lisbon", "Atlantic/Madeira", "Atlantic/Azores"],
    "RO": ["Europe/Bucharest"],
    "SE": ["Europe/Stockholm"],
    "SI": ["Europe/Ljubljana"],
    "SK": ["Europe/Bratislava"],
}
PARTS = {"GB": "ENG"}


def closed_days(country: str, year: int) -> list[str]:
    """Return the weekdays of a year on which banks are closed, as ``MM-DD``."""
    kind = getattr(holidays, country)
    wanted = [each for each in ("public", "bank") if each in kind.supported_categories]
    options: dict[str, Any] = {"years": year, "categories": wanted}
    if country in PARTS:
        options["subdiv"] = PARTS[country]
    known = holidays.country_holidays(country, **options)
    return [f"{day:%m-%d}" for day in sorted(known) if day.year == year and day.isoweekday() < 6]


def write(name: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Write a seed."""
    with (SEEDS / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main(first: int, last: int) -> None:
    """Write both seeds."""
    write(
        "bank_holidays.csv",
        ("country", "year", "days"),
        [
            (country, str(year), " ".join(closed_days(country, year)))
            for country in sorted(ZONES)
            for year in range(first, last + 1)
        ],
    )
    write(
        "country_time_zones.csv",
        ("time_zone", "country"),
        sorted((zone, country) for country, zones in ZONES.items() for zone in zones),
    )


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:3]) if len(sys.argv) > 1 else YEARS))
