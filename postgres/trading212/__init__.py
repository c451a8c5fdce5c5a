"""What Trading 212 answered: raw tables, their operations, and how they become the ledger."""
