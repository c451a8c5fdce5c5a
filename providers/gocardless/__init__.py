"""GoCardless Bank Account Data: client, payload models, and what its errors mean."""
