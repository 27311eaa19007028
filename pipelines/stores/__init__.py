"""Object stores: SOURCE and OUT that are gs:// or s3://."""
