"""TFLite files that nobody has vouched for: read, checked in full, and only then run."""
