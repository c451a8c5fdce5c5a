"""HTTP clients of the banks' and brokers' APIs. They know neither the database nor Dagster."""
