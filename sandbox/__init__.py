"""A local server that speaks GoCardless Bank Account Data v2 and Trading 212 v0.

Behind both stands one made-up household. It serves the demo, the tests and the benchmarks, and
imports nothing of the platform, so that it can judge it: ``/sandbox/truth`` tells what really
happened, whatever was served. The credentials below are fixed and open; no others are accepted.
"""

SECRET_ID, SECRET_KEY = (
    "5a0d6c31-7e52-4f0b-9b0a-2f3f6d1c8e40",
    "sandbox-gocardless-secret-key",
)
TRADING212_KEY, TRADING212_SECRET = (
    "41298817ZSandboxInvestKey",
    "sandbox-trading212-api-secret",
)
TRADING212_NARROW_KEY = "41298818ZSandboxAccountScopeOnly"
"""Goes with the same secret and may read the account summary, nothing else."""
TRADING212_ISA_KEY = "41298819ZSandboxIsaKey"
"""Of an ISA that lives the same life under another number."""
TRADING212_DEMO_KEY = "41298820ZSandboxPracticeKey"
"""Of a practice account, which the practice host answers and the real one does not."""
