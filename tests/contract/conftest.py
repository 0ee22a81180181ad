"""Contracts hold on devices too, where the host's half of them cannot be loaded."""

from importlib.util import find_spec

# The tasks of the host learn with torch, which no device has.
collect_ignore = [] if find_spec("torch") else ["test_host_tasks.py"]
