"""What drives cameras in their own process, and judges their frames."""
