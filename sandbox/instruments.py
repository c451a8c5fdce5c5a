"""The instruments that the broker offers: how they are quoted, taxed, and what they pay."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from sandbox.market import Market, Walk


class Venue(Enum):
    """Where an instrument trades: exchange id, name, working schedule, hour of trading (UTC)."""

    LONDON = (12, "London Stock Exchange", 55, 9)
    NASDAQ = (51, "NASDAQ", 71, 15)
    NYSE = (52, "NYSE", 70, 15)
    XETRA = (32, "Deutsche Börse Xetra", 88, 10)
    PARIS = (41, "Euronext Paris", 93, 11)

    def __init__(self, exchange_id: int, title: str, schedule_id: int, trades_at: int) -> None:
        self.exchange_id = exchange_id
        self.title = title
        self.schedule_id = schedule_id
        self.trades_at = trades_at


@dataclass(frozen=True)
class Instrument:
    """One instrument, quoted in ``currency``; GBX is pence.

    :param dividend: what a share pays each time, in the quoted currency.
    """

    ticker: str
    name: str
    short_name: str
    isin: str
    currency: str
    type: str
    venue: Venue
    price: Walk
    dividend: Decimal = Decimal(0)
    dividend_months: tuple[int, ...] = ()
    dividend_day: int = 15

    @property
    def pays_stamp_duty(self) -> bool:
        """UK shares do, funds from abroad do not."""
        return self.venue is Venue.LONDON and self.type == "STOCK"

    def fx_rate(self, market: Market, day: dt.date) -> Decimal:
        """Return how many units of the quoted currency make one pound."""
        match self.currency:
            case "USD" | "EUR":
                return market.rate(self.currency, day)
            case "GBX":
                return Decimal(100)
            case _:
                return Decimal(1)


def _walk(name: str, price: str, growth: int, swing: int = 110) -> Walk:
    return Walk(name, Decimal(price), Decimal("0.01"), swing=swing, growth=growth)


INSTRUMENTS: dict[str, Instrument] = {
    instrument.ticker: instrument
    for instrument in (
        Instrument(
            "AAPL_US_EQ", "Apple", "AAPL", "US0378331005", "USD", "STOCK", Venue.NASDAQ,
            _walk("AAPL", "212.40", 9), Decimal("0.26"), (2, 5, 8, 11), 15,
        ),
        Instrument(
            "MSFT_US_EQ", "Microsoft", "MSFT", "US5949181045", "USD", "STOCK", Venue.NASDAQ,
            _walk("MSFT", "428.15", 9), Decimal("0.83"), (3, 6, 9, 12), 12,
        ),
        Instrument(
            "KO_US_EQ", "Coca-Cola", "KO", "US1912161007", "USD", "STOCK", Venue.NYSE,
            _walk("KO", "63.80", 4, 70), Decimal("0.51"), (4, 7, 10, 12), 2,
        ),
        Instrument(
            "VODl_EQ", "Vodafone Group", "VOD", "GB00BH4HKS39", "GBX", "STOCK", Venue.LONDON,
            _walk("VOD", "74.62", 1, 130), Decimal("3.86"), (2, 8), 4,
        ),
        Instrument(
            "ULVRl_EQ", "Unilever", "ULVR", "GB00B10RZP78", "GBX", "STOCK", Venue.LONDON,
            _walk("ULVR", "4482.00", 4, 70), Decimal("38.10"), (3, 6, 9, 12), 13,
        ),
        Instrument(
            "VUSAl_EQ", "Vanguard S&P 500 (Dist)", "VUSA", "IE00B3XXRP09", "GBP", "ETF",
            Venue.LONDON, _walk("VUSA", "81.35", 8, 80), Decimal("0.2710"), (3, 6, 9, 12), 26,
        ),
        Instrument(
            "SXR8d_EQ", "iShares Core S&P 500 (Acc)", "SXR8", "IE00B5BMR087", "EUR", "ETF",
            Venue.XETRA, _walk("SXR8", "521.90", 8, 80),
        ),
        Instrument(
            "SHELl_EQ", "Shell", "SHEL", "GB00BP6MXD84", "GBX", "STOCK", Venue.LONDON,
            _walk("SHEL", "2710.50", 3),
        ),
        Instrument(
            "TTEp_EQ", "TotalEnergies", "TTE", "FR0000120271", "EUR", "STOCK", Venue.PARIS,
            _walk("TTE", "58.34", 3), Decimal("0.85"), (1, 4, 7, 10), 5,
        ),
        Instrument(
            "RBI_AT_EQ", "Raiffeisen Bank International", "RBI", "AT0000606306", "EUR", "STOCK",
            Venue.XETRA, _walk("RBI", "26.10", 5, 150),
        ),
    )
}  # fmt: skip
