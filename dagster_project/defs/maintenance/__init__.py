"""Housekeeping, of Dagster itself and of the ledger."""
