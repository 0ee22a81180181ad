"""Text recognition on the host: charsets, data, synthetic text, training and its measures."""
