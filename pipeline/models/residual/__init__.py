"""Residual networks: sums around two convolutions each."""
