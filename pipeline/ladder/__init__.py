"""Remedies climbed until int8 costs no more than the budget allows."""
