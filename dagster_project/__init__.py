"""Third floor: orchestration only. Assets that call ingestion, dbt and operations, and report."""
