"""Synthetic pictures of texts, as a camera would see them."""
