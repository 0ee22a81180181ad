"""What a stream can be about; one folder a task."""
