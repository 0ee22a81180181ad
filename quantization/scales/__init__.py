"""Ranges seen on samples, and the QDQ graph made of them."""
