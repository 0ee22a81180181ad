"""Trained weights that a training starts from: which are known, where they lie, how they fit."""
