"""dbt: from the ledger to the marts."""
