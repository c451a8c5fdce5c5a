"""One merchant under one name, however the bank writes it and whatever the user calls it."""

from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session, sessionmaker

from postgres.common.enums import RecurringDirection, RecurringSource
from postgres.common.models import Merchant, MerchantAlias, RecurringPattern, Transaction
from postgres.common.operations import merchants
from postgres.errors import AlreadyExistsError, NotFoundError, OperationError, RetryableError
from tests.postgres.ledger import Ledger, book, make_ledger, make_merchant

DAY = dt.date(2026, 3, 14)


@pytest.fixture
def ledger(session: Session) -> Ledger:
    return make_ledger(session)


def pay(session: Session, ledger: Ledger, statement: str) -> Transaction:
    """A payment as a projection brings it in."""
    row = book(session, ledger, DAY, "-5")
    row.description = statement
    found = merchants.find_merchant(session, ledger.user.id, statement)
    row.merchant_id = (found or merchants.create_merchant(session, ledger.user.id, statement)).id
    session.flush()
    return row


class TestPlaces:
    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            ("TESCO STORES 3297 CAMBRIDGE GB", "tesco stores"),
            ("PRET A MANGER LONDON", "pret a manger"),
            ("LIDL 1234 ST HELENS GBR", "lidl"),
            ("Card payment to BLUE DOOR BAKERY MILTON KEYNES ON 12 MAR 2026", "blue door bakery"),
            ("SAINSBURYS 0042 SOME VILLAGE GB", "sainsburys"),
            ("CAFE DE LA GARE 4711 LYON FR", "cafe de la gare"),
            ("HOTEL LUX 88123 OBERAMMERGAU DE", "hotel lux"),
            # A place that belongs to the name stays.
            ("UNIVERSITY OF READING", "university of reading"),
            ("DUKE OF YORK", "duke of york"),
            ("TRANSPORT FOR LONDON", "transport for london"),
            ("LONDON", "london"),
            ("MANCHESTER UNITED", "manchester united"),
            # Words that could be a country are not, without a number or a town before them.
            ("WHAT IS IT", "what is it"),
            ("JUST US", "just us"),
            ("HOUSE 12 TO US", "house to us"),
            # What the shop says of itself, then where the card was used.
            ("BLUE DOOR LONDON , LEEDS GB", "blue door"),
            ("BLUE DOOR SAN FRANCISCO , LONDON SE1 GB", "blue door"),
            ("BLUE DOOR LONDON SE1 7TP", "blue door"),
            ("BLUEDOORPRIME*HK4C1 LUX", "bluedoorprime"),
        ],
    )
    def test_examples(self, session: Session, statement: str, name: str) -> None:
        assert merchants.normalise(session, statement) == name

    def test_one_shop_in_many_towns_is_one_merchant(self, session: Session) -> None:
        towns = ["LEEDS", "STOKE ON TRENT GB", "3321 DUBLIN IE", "WESTON SUPER MARE GBR"]

        names = {merchants.normalise(session, f"PUREGYM {town}") for town in towns}
        assert names == {"puregym"}


class TestWordings:
    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            # A processor behind what the bank writes.
            ("VIS SQ *THE CROWN", "the crown"),
            ("CARD PAYMENT TO PAYPAL *DISNEYPLUS ON 09-03-2026", "disneyplus"),
            ("5484 24MAR24 , PAYPAL *SPOTIFY , LONDON GB", "spotify"),
            ("PADDLE.NET* WRITER", "writer"),
            # What the bank writes behind.
            ("PRET A MANGER LONDON ON 12 MAR CLP", "pret a manger"),
            ("ACME LOGISTICS LTD , 466738074103 , BAC", "acme logistics"),
            ("ALDI 432 861 ON 20", "aldi"),
            ("ALDI 432 861 ON 20 DE", "aldi"),
            ("L MURPHY , VIA MOBILE - PYMT , FP 10SEP 10 , 5797591143", "l murphy"),
            ("CASH WITHDRAWAL NOTEMACHINE ON 16JUN", "notemachine"),
            # What follows "ref" is for the one who is paid.
            ("TOM BAKER REF WINDOWS BBP", "tom baker"),
            ("BILLA DANKT 0007114 Reference 0394676", "billa dankt"),
            ("TRANSFER REF 12 JOHN SMITH", "john smith"),
            # Names with a number in them, in front of everything else that has one.
            ("4354 20JUL25 , BEER52.COM EDINBURGH , LONDON GB", "beer52"),
            ("VIS PAYPAL *MICROSOFT365 BRISTOL", "microsoft365"),
            ("99P STORES 1234", "99p stores"),
            ("123REG*1286284663", "123reg"),
            ("NETFLIX COM AMSTERDAM NL", "netflix"),
            ("GITHUB, INC.", "github"),
        ],
    )
    def test_noise_goes(self, session: Session, statement: str, name: str) -> None:
        assert merchants.normalise(session, statement) == name

    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            ("SO ENERGY LTD", "so energy"),
            ("BP CONNECT ON 30 MAR BCC", "bp connect"),
            ("VIS BP CONNECT LEEDS", "bp connect"),
            ("ST JOHN AMBULANCE", "st john ambulance"),
            ("CARD FACTORY 5512", "card factory"),
            ("GB NEWS", "gb news"),
            ("TESCO 32 MARKET HARBOROUGH", "tesco market harborough"),
            ("STORE 12 DECATHLON", "store decathlon"),
        ],
    )
    def test_what_looks_like_noise_may_be_a_name(
        self, session: Session, statement: str, name: str
    ) -> None:
        assert merchants.normalise(session, statement) == name

    @pytest.mark.parametrize(
        ("statement", "name"),
        [
            ("BP D OKAFOR THANKS", "d okafor thanks"),
            ("CR ACME LOGISTICS LTD 405089700291", "acme logistics"),
            ("SO MR A KHAN RENT 14B", "mr a khan rent"),
            ("SO: LANDLORD", "landlord"),
        ],
    )
    def test_short_code_before_a_longer_name_is_the_banks(
        self, session: Session, statement: str, name: str
    ) -> None:
        assert merchants.normalise(session, statement) == name


class TestMerchants:
    def test_create_get_find(self, session: Session, ledger: Ledger) -> None:
        user_id = ledger.user.id
        made = merchants.create_merchant(session, user_id, "SQ *BEAN & GONE", display_name="Bean")

        assert (made.name, made.display_name) == ("bean & gone", "Bean")
        assert merchants.get_merchant(session, user_id, made.id) is made
        assert merchants.find_merchant(session, user_id, "BEAN & GONE LTD REF 12") is made
        assert merchants.find_merchant(session, user_id, "tea & gone") is None
        with pytest.raises(AlreadyExistsError, match="bean & gone"):
            merchants.create_merchant(session, user_id, "Bean & Gone")
        with pytest.raises(OperationError, match="needs a name"):
            merchants.create_merchant(session, user_id, " ")

    def test_of_another_user_is_none(self, session: Session, ledger: Ledger) -> None:
        made = merchants.create_merchant(session, ledger.user.id, "bakery")
        stranger = make_ledger(session).user.id

        assert merchants.get_merchant(session, stranger, made.id) is None
        assert merchants.find_merchant(session, stranger, "bakery") is None
        assert merchants.list_merchants(session, stranger).items == []
        assert merchants.search_merchants(session, stranger, "bakery") == []
        for refused in (
            lambda: merchants.rename_merchant(session, stranger, made.id, "mine"),
            lambda: merchants.delete_merchant(session, stranger, made.id),
            lambda: merchants.add_alias(session, stranger, made.id, "another"),
            lambda: merchants.merge_merchants(session, stranger, made.id, uuid.uuid4()),
        ):
            with pytest.raises(NotFoundError):
                refused()

    def test_list_pages_and_filters(self, session: Session, ledger: Ledger) -> None:
        for name in ("alpha", "beta", "beta_two", "gamma"):
            make_merchant(session, ledger, name)
        named = merchants.find_merchant(session, ledger.user.id, "gamma")
        assert named is not None
        merchants.rename_merchant(session, ledger.user.id, named.id, "The BETA place")

        first = merchants.list_merchants(session, ledger.user.id, limit=3)
        rest = merchants.list_merchants(session, ledger.user.id, limit=3, after=first.after)
        assert [m.name for m in (*first.items, *rest.items)] == [
            "alpha", "beta", "beta_two", "gamma",
        ]  # fmt: skip
        assert rest.after is None
        found = merchants.list_merchants(session, ledger.user.id, contains="Beta")
        assert [m.name for m in found.items] == ["beta", "beta_two", "gamma"]
        found = merchants.list_merchants(session, ledger.user.id, contains="beta_")
        assert [m.name for m in found.items] == ["beta_two"]

    def test_search_bears_misspelling(self, session: Session, ledger: Ledger) -> None:
        for name in ("thames water utilities", "octopus energy", "netflix"):
            make_merchant(session, ledger, name)

        found = merchants.search_merchants(session, ledger.user.id, "Tames Watr")
        assert [m.name for m in found][:1] == ["thames water utilities"]
        assert merchants.search_merchants(session, ledger.user.id, "zzzz") == []

    def test_delete_only_what_is_unused(self, session: Session, ledger: Ledger) -> None:
        unused = merchants.create_merchant(session, ledger.user.id, "bakery")
        used = pay(session, ledger, "butcher").merchant_id
        assert used is not None
        merchants.delete_merchant(session, ledger.user.id, unused.id)

        assert merchants.find_merchant(session, ledger.user.id, "bakery") is None
        with pytest.raises(OperationError, match="payments of butcher"):
            merchants.delete_merchant(session, ledger.user.id, used)
        assert merchants.get_merchant(session, ledger.user.id, used) is not None


class TestAliases:
    def test_merge_moves_what_is_there_and_what_comes(
        self, session: Session, ledger: Ledger
    ) -> None:
        user_id = ledger.user.id
        kept, other = pay(session, ledger, "AMAZON"), pay(session, ledger, "AMZN MKTP")
        assert kept.merchant_id is not None
        assert other.merchant_id is not None
        pattern = RecurringPattern(
            user_id=user_id,
            account_id=ledger.account.id,
            merchant_id=other.merchant_id,
            source=RecurringSource.MANUAL,
            direction=RecurringDirection.EXPENSE,
            currency="GBP",
        )
        session.add(pattern)
        session.flush()

        into = merchants.merge_merchants(session, user_id, other.merchant_id, kept.merchant_id)
        session.expire_all()

        assert {kept.merchant_id, other.merchant_id, pattern.merchant_id} == {into.id}
        assert pay(session, ledger, "AMZN MKTP UK*2K4").merchant_id == into.id
        assert [m.name for m in merchants.list_merchants(session, user_id).items] == ["amazon"]
        with pytest.raises(AlreadyExistsError):
            merchants.create_merchant(session, user_id, "AMZN MKTP")
        with pytest.raises(OperationError, match="itself"):
            merchants.merge_merchants(session, user_id, into.id, into.id)

    def test_merging_on_takes_aliases_along(self, session: Session, ledger: Ledger) -> None:
        a, b, c = (make_merchant(session, ledger, name) for name in ("aa", "bb", "cc"))
        merchants.merge_merchants(session, ledger.user.id, a.id, b.id)
        merchants.merge_merchants(session, ledger.user.id, b.id, c.id)

        aliases = merchants.list_aliases(session, ledger.user.id, merchant_id=c.id).items
        assert [alias.name for alias in aliases] == ["aa", "bb"]
        assert merchants.find_merchant(session, ledger.user.id, "AA") is c

    def test_removing_an_alias_gives_its_payments_back(
        self, session: Session, ledger: Ledger
    ) -> None:
        kept, other = pay(session, ledger, "AMAZON"), pay(session, ledger, "AMZN MKTP 77123")
        assert kept.merchant_id is not None
        alias = merchants.add_alias(session, ledger.user.id, kept.merchant_id, "amzn mktp")
        session.expire_all()
        assert other.merchant_id == kept.merchant_id

        again = merchants.remove_alias(session, ledger.user.id, alias.id)
        session.expire_all()

        assert again.name == "amzn mktp"
        assert other.merchant_id == again.id != kept.merchant_id
        with pytest.raises(NotFoundError):
            merchants.remove_alias(session, ledger.user.id, alias.id)

    def test_alias_before_any_payment_and_only_once(self, session: Session, ledger: Ledger) -> None:
        merchant = make_merchant(session, ledger, "amazon")
        other = make_merchant(session, ledger, "other")
        merchants.add_alias(session, ledger.user.id, merchant.id, "AMZN DIGITAL")

        assert merchants.find_merchant(session, ledger.user.id, "amzn digital 123") is merchant
        with pytest.raises(AlreadyExistsError, match="alias"):
            merchants.add_alias(session, ledger.user.id, other.id, "Amzn Digital")
        with pytest.raises(OperationError, match="itself"):
            merchants.add_alias(session, ledger.user.id, merchant.id, "AMAZON")


class TestNearMatches:
    def test_says_what_is_probably_one(self, session: Session, ledger: Ledger) -> None:
        for name in ("sainsburys", "sainsbury's", "water thames", "thames water", "tesco"):
            make_merchant(session, ledger, name)

        found = merchants.near_matches(session, ledger.user.id)
        assert [(m.merchant.name, m.other.name) for m in found] == [
            ("thames water", "water thames"),
            ("sainsbury's", "sainsburys"),
        ]
        assert found[0].score == 100
        assert len(merchants.near_matches(session, ledger.user.id, limit=1)) == 1

    def test_other_numbers_are_other_shops(self, session: Session, ledger: Ledger) -> None:
        for name in ("studio54 nightclub", "studio55 nightclub"):
            make_merchant(session, ledger, name)

        assert merchants.near_matches(session, ledger.user.id) == []


def test_merges_at_once_end_in_one(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        ledger = make_ledger(session)
        ids = [make_merchant(session, ledger, f"merchant {c}").id for c in "abcdefgh"]
        user_id = ledger.user.id
    start = threading.Barrier(len(ids) - 1)
    surprises: list[BaseException] = []

    def merge(place: int) -> None:
        start.wait(timeout=30)
        while True:
            try:
                with sessions.begin() as session:
                    merchants.merge_merchants(session, user_id, ids[place], ids[0])
            except RetryableError:
                continue
            except BaseException as error:  # noqa: BLE001 - collected for the test to judge
                surprises.append(error)
            return

    threads = [threading.Thread(target=merge, args=(place,)) for place in range(1, len(ids))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert surprises == []
    with sessions() as session:
        assert session.scalars(sa.select(Merchant.id)).all() == [ids[0]]
        assert len(session.scalars(sa.select(MerchantAlias.id)).all()) == len(ids) - 1
