"""Networks whose convolutions filter each channel alone, then mix them by a 1x1."""
