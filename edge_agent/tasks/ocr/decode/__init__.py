"""From the scores along a line to the text they stand for, or to one that is allowed."""
