"""Models and the operations package. Knows neither HTTP nor Dagster."""
