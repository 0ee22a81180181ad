"""Remedies for a network that int8 hurts: equalisation, learned rounding, corrected biases."""
