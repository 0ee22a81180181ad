"""Near copies: pictures of one moment, saved again, cut, mirrored, brightened or filmed on."""
