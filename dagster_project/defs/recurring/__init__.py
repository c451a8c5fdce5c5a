"""What the marts found, written back into the ledger."""
