"""The ground floor: settings, the one clock, secrets and the root of all errors. Imports nothing of ours."""
