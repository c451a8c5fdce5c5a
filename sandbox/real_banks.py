"""Real banks, by the id that GoCardless gives them, each with the accounts of the small household.

A platform that knows a bank's ways goes by its id. Served under it, the small household is told of
as that bank would, see :mod:`sandbox.quirks`. Nothing here comes from a bank but name and id.
"""

from __future__ import annotations

from dataclasses import dataclass

_CURRENT = ("small_current",)
_CARD = ("small_card",)


@dataclass(frozen=True)
class RealBank:
    """One bank.

    :param accounts: keys of the small household's accounts that a consent opens.
    :param total_days: how far back it says that it goes.
    """

    id: str
    name: str
    country: str
    currency: str = "EUR"
    accounts: tuple[str, ...] = _CURRENT
    total_days: int = 90

    @property
    def bic(self) -> str:
        """The code at the end of its id."""
        return self.id.rpartition("_")[2]


REAL_BANKS: dict[str, RealBank] = {
    bank.id: bank
    for bank in (
        RealBank("BARCLAYS_BUKBGB22", "Barclays", "GB", "GBP"),
        RealBank("MONZO_MONZGB2L", "Monzo", "GB", "GBP", ("small_current", "small_savings")),
        RealBank("ABANCA_CAGLESMM", "Abanca", "ES"),
        RealBank("ABNAMRO_ABNANL2A", "ABN AMRO", "NL"),
        RealBank("AMERICAN_EXPRESS_AESUGB21", "American Express", "GB", "GBP", _CARD),
        RealBank("BANCSABADELL_BSABESBB", "Banco Sabadell", "ES"),
        RealBank("BANKINTER_BKBKESMM", "Bankinter", "ES"),
        RealBank("BANK_OF_IRELAND_B365_BOFIIE2D", "Bank of Ireland", "IE"),
        RealBank("BELFIUS_GKCCBEBB", "Belfius", "BE"),
        RealBank("BERLINER_SPARKASSE_BELADEBEXXX", "Berliner Sparkasse", "DE"),
        RealBank("BNP_BE_GEBABEBB", "BNP Paribas Fortis", "BE"),
        RealBank("CBC_CREGBEBB", "CBC", "BE"),
        RealBank("COMMERZBANK_COBADEFF", "Commerzbank", "DE"),
        RealBank("COOPERATIVE_BANK_CPBKGB22", "The Co-operative Bank", "GB", "GBP"),
        RealBank("DANSKEBANK_DABNO22", "Danske Bank", "NO", "NOK"),
        RealBank("DIREKT_HELADEF1822", "1822direkt", "DE"),
        RealBank("EASYBANK_BAWAATWW", "easybank", "AT"),
        RealBank("ENTERCARD_SWEDNOKK", "Entercard", "SE", "SEK", _CARD),
        RealBank("ERSTE_BANK_GIBAATWW", "Erste Bank", "AT"),
        RealBank("FORTUNEO_FTNOFRP1XXX", "Fortuneo", "FR"),
        RealBank("HSBC_HBUKGB4B", "HSBC", "GB", "GBP", _CARD),
        RealBank("HYPE_HYEEIT22", "Hype", "IT"),
        RealBank("ING_INGBROBU", "ING", "RO", "RON"),
        RealBank("ING_INGDDEFF", "ING", "DE"),
        RealBank("ING_PL_INGBPLPW", "ING", "PL", "PLN"),
        RealBank("ISYBANK_ITBBITMM", "isybank", "IT"),
        RealBank("KBC_KREDBEBB", "KBC", "BE"),
        RealBank("LHV_LHVBEE22", "LHV", "EE", total_days=730),
        RealBank("MBANK_RETAIL_BREXPLPW", "mBank", "PL", "PLN"),
        RealBank("N26_NTSBDEB1", "N26", "DE", total_days=730),
        RealBank("NATIONWIDE_NAIAGB21", "Nationwide", "GB", "GBP"),
        RealBank("NBG_ETHNGRAAXXX", "National Bank of Greece", "GR"),
        RealBank("NORWEGIAN_NO_NORWNOK1", "Norwegian", "NO", "NOK", _CARD),
        RealBank("REVOLUT_REVOLT21", "Revolut", "LT"),
        RealBank("SEB_ESSESESS_PRIVATE", "SEB", "SE", "SEK"),
        RealBank("SEB_KORT_AB_NO_SKHSFI21", "SEB Kort", "NO", "NOK", _CARD),
        RealBank("SPAREBANK1_SMN_SPTRNO22", "SpareBank 1", "NO", "NOK"),
        RealBank("SPARNORD_SPNODK22", "Spar Nord", "DK", "DKK"),
        RealBank("SSK_DUSSELDORF_DUSSDEDDXXX", "Stadtsparkasse Düsseldorf", "DE"),
        RealBank("STARLING_SRLGGB3L", "Starling", "GB", "GBP", total_days=730),
        RealBank("SWEDBANK_HABALV22", "Swedbank", "LV"),
        RealBank("VIRGIN_NRNBGB22", "Virgin Money", "GB", "GBP"),
        RealBank("WISE_TRWIGB22", "Wise", "GB", "GBP"),
    )
}
