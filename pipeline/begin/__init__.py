"""From a folder of images to a first recipe."""
