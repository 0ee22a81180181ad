"""Cameras over the network: their addresses, logins, streams, and why they fail."""
