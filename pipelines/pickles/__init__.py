"""Pickles, read and written without running anything."""
