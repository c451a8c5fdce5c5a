"""GoCardless Bank Account Data: from the provider into its raw tables."""
