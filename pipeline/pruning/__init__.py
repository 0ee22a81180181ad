"""Coupled channels found, chosen and removed."""
