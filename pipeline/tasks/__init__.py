"""What a network can be trained for; one folder a task."""
