"""Which architecture: the zoo as a table, and several of it built on one's own data."""
