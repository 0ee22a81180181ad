"""Frames in memory that two processes share, and what they say to each other."""
