"""`make mutants`: bugs put in on purpose, one at a time, to see whether a near test falls."""
