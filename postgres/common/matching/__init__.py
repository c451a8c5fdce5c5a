"""Which movements on a user's accounts are one transfer between two of them.

``legs`` is what is known, ``evidence`` weighs a pair by itself, ``assignment`` settles which pairs
hold among all that compete, and ``resolve`` does this to what changed in the ledger.
"""
