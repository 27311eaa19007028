"""Pose networks, trained."""
