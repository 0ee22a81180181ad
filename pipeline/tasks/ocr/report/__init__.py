"""What a report says about texts."""
