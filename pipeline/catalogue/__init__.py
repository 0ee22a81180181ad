"""What can be built with this install: its recipes, their data, and their measured figures."""
