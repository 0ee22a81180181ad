"""Commands that come in: checked, rated, performed, answered."""
