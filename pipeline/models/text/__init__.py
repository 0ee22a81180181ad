"""Networks that read a line of text."""
