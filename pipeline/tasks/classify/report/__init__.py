"""What a report says about classes."""
