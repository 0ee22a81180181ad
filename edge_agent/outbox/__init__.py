"""Results on disk until they are acknowledged, and which of them leave when there is no room."""
