"""What a camera's supervisor goes by: what it remembers of the camera, and one process of it."""
