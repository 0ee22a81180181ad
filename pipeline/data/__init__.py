"""Data sets: read, checked, and split into four disjoint parts."""
