"""A first recipe for a folder of images in class folders."""
