"""The part of the flow that GoCardless feeds; the whole one is scheduled."""

from dagster_project.lib.jobs import provider_job

sync_gocardless = provider_job("gocardless")
