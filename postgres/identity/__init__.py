"""Which row is which transaction: the heart of the ledger. Pure functions, no database.

``answers`` tells the rows of one answer apart. ``versions`` tells which rows, over many answers,
are one transaction, and ``settlement`` which booked transaction a pending one became. ``history``
goes through the answers of an account, one after the other, and asks both; ``threads`` is what it
knows of a transaction meanwhile.

Ids are evidence, not keys: banks leave them out, reuse them and renumber them.
"""
