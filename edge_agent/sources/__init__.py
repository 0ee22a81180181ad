"""Where frames come from: one module a kind, opened by `open.open_source`."""
