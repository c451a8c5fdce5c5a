"""Housekeeping of Dagster itself."""
