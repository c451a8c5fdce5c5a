"""Trading 212: from the provider into its raw tables."""
