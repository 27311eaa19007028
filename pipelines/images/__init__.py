"""Image shards."""
