"""What everything on the device builds on: values, errors, files that are whole."""
