"""The ground floor: settings, the one clock, secrets and the root of errors."""
