"""How single characters are drawn: letters, segments, wheels, dots."""
