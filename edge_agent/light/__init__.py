"""A light that burns while a frame is taken: by a GPIO line or over HTTP."""
