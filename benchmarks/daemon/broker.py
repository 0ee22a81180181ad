"""A mosquitto that remembers its sessions, and can be started again on its port."""

from pathlib import Path

from pipeline.broker.mosquitto import Mosquitto, find_mosquitto

# What waits for a subscriber that is away has no bound, so that what is lost is lost by us.
REMEMBERING = ("persistence true", "max_queued_messages 0")


def remembering_broker(folder: Path) -> Mosquitto:
    """One with its configuration and its sessions in `folder`; it runs while it is entered.

    Raises:
        SystemExit: there is no mosquitto here.
    """
    program = find_mosquitto()
    if program is None:
        raise SystemExit("needs mosquitto: install the system's package `mosquitto`")
    return Mosquitto(folder, program, REMEMBERING)
