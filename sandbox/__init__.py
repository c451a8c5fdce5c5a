"""A local server that speaks GoCardless Bank Account Data v2 and Trading 212 v0 over one made-up household.

It serves the demo, the tests and the benchmarks, and imports nothing of the platform, so that it
can judge it: ``/sandbox/truth`` tells what really happened, whatever was served. The credentials
below are fixed and open; no other ones are accepted.
"""

SECRET_ID = "5a0d6c31-7e52-4f0b-9b0a-2f3f6d1c8e40"
SECRET_KEY = "sandbox-gocardless-secret-key"  # noqa: S105 - made up, and opens nothing but the sandbox
TRADING212_KEY = "41298817ZSandboxInvestKey"
TRADING212_SECRET = "sandbox-trading212-api-secret"  # noqa: S105 - as above
TRADING212_NARROW_KEY = "41298818ZSandboxAccountScopeOnly"
"""Goes with the same secret and may read the account summary, nothing else."""
