"""The machine and the process: its clock, its sensors, its logs and signals."""
