"""A run folder: its stages, their records, and what is done again."""
