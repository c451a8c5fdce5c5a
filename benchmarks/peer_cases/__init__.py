"""What other projects' tests know of real payloads, held against what the ledger makes of them."""
