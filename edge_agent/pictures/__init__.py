"""Pictures that are kept or sent: folders with bounds, JPEGs, snapshots."""
