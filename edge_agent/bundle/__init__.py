"""The bundle: one verified model with everything needed to run it identically anywhere."""
