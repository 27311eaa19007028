"""Beam's runners, local and elsewhere."""
