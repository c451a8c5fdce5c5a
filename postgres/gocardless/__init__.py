"""What GoCardless answered: raw tables, their operations, and how they become the ledger."""
