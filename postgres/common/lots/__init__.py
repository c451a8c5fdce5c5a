"""Which shares were sold, and what they cost: pure functions over the fills of a history.

:mod:`~postgres.common.lots.history` puts fills in order and tells trades from what only turns
shares into others: splits, renames, bonus shares, exchanges. :mod:`~postgres.common.lots.average`
follows quantity and average cost, as the broker does. :mod:`~postgres.common.lots.fifo` and
:mod:`~postgres.common.lots.section104` match each sale with what was bought.
:mod:`~postgres.common.lots.renames` finds what a security is called today.

Signs are those of the ledger: money in positive, money out negative, sold quantities negative.
"""
