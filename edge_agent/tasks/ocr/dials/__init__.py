"""Pointer dials: where their hands stand, and the number that they say together."""
