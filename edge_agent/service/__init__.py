"""The agent as a service: what it tells its manager, how it lives, and how it reloads."""
