"""Readers of images: files, folders, archives, known data sets."""
