"""What all stages share: asset fields from models, results to metadata, errors to failures."""
