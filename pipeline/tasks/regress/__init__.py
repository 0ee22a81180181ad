"""Images and the numbers that they show."""
