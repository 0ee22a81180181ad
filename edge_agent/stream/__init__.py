"""One source looked at by one model: the loop, what counts as new, how fast it goes."""
