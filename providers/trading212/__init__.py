"""Trading 212 Public API: client, paging, and what its errors mean."""
