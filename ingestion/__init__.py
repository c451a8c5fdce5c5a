"""Plan calls, fetch, land raw, project: plain functions that Dagster's assets only call."""
