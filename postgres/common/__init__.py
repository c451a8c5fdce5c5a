"""The ledger that knows no provider."""
