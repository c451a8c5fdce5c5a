"""What payment systems and banks write around a name, in the languages of the banks there are.

Words of the trade only: a list of merchants would help with those on it and no other. A space
stands for any white space, and each entry is a regular expression.
"""

from __future__ import annotations

WAYS = (
    # English
    r"(?:(?:debit|credit|visa|mastercard|maestro) )?card (?:payment|purchase|transaction|refund)",
    r"(?:pos|visa|mastercard|maestro|debit) (?:transaction|purchase|payment)",
    r"contactless(?: payment)?",
    *("apple pay", "google pay", "refund", "reversal"),
    r"point of sale",
    r"direct debit(?: payment)?",
    r"standing order",
    r"faster payments?",
    r"bank transfer",
    r"bill payment",
    r"online (?:payment|transfer)",
    r"card \d{1,4}(?=,)",
    r"(?:payment|transfer|refund|purchase|withdrawal|sent|received|paid|money)"
    r"(?= (?:to|from|at|by)\b)",
    # French
    r"vir(?:ement)?(?: (?:sepa|inst(?:antan[eé])?|re[cç]u|[eé]mis|permanent|web))*",
    r"(?:pr[eé]l[eè]vement|prlv)(?: sepa)?",
    r"(?:ann(?:ulation)? )?carte",
    r"(?:achat|paiement|facture)(?: par)?(?: (?:cb|carte))?",
    r"retrait(?: dab)?",
    r"cb",
    # German and Dutch
    r"(?:ec-?)?kartenzahlung",
    r"bezahlung karte",
    r"lastschrift",
    r"(?:sepa-)?(?:dauerauftrag|gutschrift|[uü]berweisung|zahlung)(?= (?:an|von)\b)",
    r"betaalpas",
    *("bea", "gea", "e-?comm?"),
    r"betaling(?= (?:aan|van)\b)",
    r"overboeking",
    r"incasso",
    # Italian, Spanish, Portuguese
    r"pagamento(?: (?:presso|(?:tramite )?pos))?",
    r"addebito(?: (?:diretto|sepa))*",
    r"bonifico(?= (?:a|da)\b)",
    r"compras?(?: (?:con tarjeta|tarj(?:eta)?\.?|c\.? ?deb))?",
    r"pago(?: (?:con tarjeta|m[oó]vil))?",
    r"transf(?:er[eê]ncia)?(?: (?:inmediata|recibida|emitida))?",
    r"bizum",
    r"recibo",
    r"adeudo",
    r"d[eé]bito directo",
    # Nordic, Baltic, Polish, Greek
    r"kort(?:k[oö]p|betaling|kjøp)",
    r"varekjøp",
    r"swish(?: betalning)?",
    r"dankort(?:-?nota)?",
    r"korttiosto",
    r"tilisiirto",
    r"autogiro",
    r"pirkums",
    r"pirkinys",
    r"ost",
    r"zakup(?: przy u[zż]yciu karty)?",
    r"p[lł]atno[sś][cć](?: kart[aą])?",
    r"przelew(?= (?:do|od)\b)",
    r"ΑΓΟΡΑ",
    # Terminals and schemes
    r"pos",
    r"visa",
    r"maestro",
    r"mastercard",
    r"girocard",
)
"""How something was paid, in front of to whom."""

PREPOSITIONS = (
    *("to", "from", "at", "by"),
    *("an", "von", "bei", "aan", "van", "bij"),
    *("[aà]", "en", "de", "chez", "da", "presso", "do", "od", "til", "fra", "till", "fr[aå]n"),
    *("a favor de", "de la part de", "en faveur de", "a favore di"),
)
"""What may stand between the two."""

PROCESSORS = (
    *(
        "sum ?up",
        "ccv",
        "crv",
        "curve",
        "pay ?pal",
        "pp",
        "sq",
        "square",
        "i?zettle_?",
        "iz",
        "ztl",
    ),
    *("stripe", "klarna", "mollie", "adyen", "worldline", "payu", "tpay", "dotpay", "przelewy24"),
    *("redsys", "twint", "viva", "nexi", "nyx", "bck", "lsp", "tst", "toast", "dri", "fs", "2co"),
    *(r"paddle(?:\.net)?", "ebanx", "dlocal", "wpy", "gc", "gocardless", "buckaroo", "payplug"),
    *("multisafepay", "lyf", "vipps", "gpay", "apple pay", "google pay"),
)
"""Who passes a payment on to the shop whose name follows an asterisk."""

LABELS = (
    r"(?:payment|transfer|money|sent|received|paid|refund|bizum)[\w ]{0,20}\b(?:to|from)",
    r"(?:name of )?(?:payee|merchant|creditor|debtor|beneficiary|counterparty|recipient|sender)"
    r"(?:'?s? name)?",
    *("payer", "shop", "store", "name", "from", "to"),
    *("(?:zahlungs)?empf[aä]nger", "auftraggeber", "beg[uü]nstigter", "h[aä]ndler", "von", "an"),
    *("naam(?: (?:tegenpartij|begunstigde))?", "begunstigde", "tegenpartij", "aan", "van"),
    *("b[eé]n[eé]ficiaire", "donneur d'ordre", "commer[cç]ant", "nom", "chez"),
    *("beneficiario", "ordinante", "esercente", "comercio", "nombre", "nome"),
    *("od", "do", "odbiorca", "nadawca", "nazwa(?: (?:odbiorcy|nadawcy))?", "sklep"),
    *("mottaker", "avsender", "modtager", "afsender", "mottagare", "avs[aä]ndare"),
    *("saaja", "maksaja", "sa[nņ][eē]m[eē]js", "gav[eė]jas", "mok[eė]tojas"),
)
"""What stands with a colon in front of a name."""

REFERENCES = (
    *("invoice", "inv", "rechnung", "facture", "factura", "fattura", "faktura", "factuur"),
    *("ref(?:erence|erencia|erenz)?", "order", "auftrag", "mandate?", "mandatsref", "kundennr"),
    *("customer", "eref", "kref", "mref", "cred", "betalingskenmerk", "kenmerk", "nr", "no"),
)
"""What stands in front of a number that names nobody."""
