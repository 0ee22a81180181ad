"""What every part of the host builds on: errors, progress, processes that train together."""
