"""Networks on disk: trained ones, interrupted ones, and how they came about."""
