"""Lines of text: what is read, how it is measured, how sure it is."""
