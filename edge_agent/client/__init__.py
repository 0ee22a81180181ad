"""For programs that listen: a subscriber, the proof that nothing is missing, commands."""
