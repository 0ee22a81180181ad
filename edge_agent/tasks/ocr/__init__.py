"""Reading regions: straighten, judge the picture, read, hold to a meter's rules."""
