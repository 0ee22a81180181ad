"""The commands that speak with a broker, and a broker to start where there is none."""
