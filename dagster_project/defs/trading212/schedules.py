"""The part of the flow that Trading 212 feeds; the whole one is scheduled."""

from dagster_project.lib.jobs import provider_job

sync_trading212 = provider_job("trading212")
