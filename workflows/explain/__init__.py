"""Pictures of what networks look at."""
