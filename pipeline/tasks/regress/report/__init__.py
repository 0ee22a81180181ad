"""What a report says about numbers."""
