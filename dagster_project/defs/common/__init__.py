"""The ledger: from the raw tables of every provider into the common ones."""
