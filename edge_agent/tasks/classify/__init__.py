"""Which of several classes an image belongs to."""
