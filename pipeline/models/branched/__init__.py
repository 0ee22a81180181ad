"""Networks whose branches are joined side by side, not added."""
