"""Near copies: pictures of one moment, encoded, cut, turned or brightened again, or filmed on."""
