"""Poses in pictures."""
