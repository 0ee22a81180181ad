"""`Rivalry`: another agent that uses this one's name, as devices made from one image do.

A broker lets one client of a name in, and drives out the one that was there. Two agents of one
name would drive each other out for ever, as fast as they can; each that knows of the other stays
away for a while, longer each time, so that both deliver what they have, in turns.
"""

import logging
import time
from collections.abc import Callable

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import MessageError
from edge_agent.contract.messages import StatusMessage, decode_message
from edge_agent.mqtt.values import Received

log = logging.getLogger(__name__)

ANOTHER = "another agent is connected under this name"
# The pauses, each cut by up to half at random: in minutes the two hardly disturb each other.
FIRST_S, CAP_S = 10.0, 300.0
# Undisturbed for so long, longer than any pause of the other: there is none any more.
CALM_S = 3 * CAP_S
# A broker that lost its memory in a crash may bring back the status of our own last start, and a
# last will of ours may come late: once. Not every broker says that it takes a session over
# (mosquitto before 2.0.15 hangs up without a word), so that this has to do.
SIGHTINGS = 2


class Rivalry:
    """What is known of a rival, and how long to stay away for it.

    The publisher's thread calls it.

    Args:
        device: the name.
        boot: this start of the agent.
        changed: told in what trouble we are whenever that changes; "" for none.
        backoff: the pauses.
        clock: seconds that never jump.
    """

    def __init__(
        self,
        device: str,
        boot: str,
        changed: Callable[[str], None],
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._device, self._boot, self._changed = device, boot, changed
        self._backoff, self._clock = backoff or Backoff(FIRST_S, CAP_S), clock
        self._rival: str | None = None  # its start, "" if that is not known
        self._spoke = False  # whether the broker has our status, as far as we know
        self._sightings = 0
        self._since_s: float | None = None  # when we were let in; None while we are not

    def hear(self, received: Received) -> None:
        """Something was said on our own status topic, or is kept there."""
        try:
            status = decode_message(received.payload, received.topic)
        except MessageError:
            return  # nothing is said, or it is not of an agent
        if not isinstance(status, StatusMessage) or status.boot == self._boot:
            return
        if status.state == "online" and not received.retained:
            self._found(status.boot)
        elif self._spoke:
            # Whoever wrote that, or left it as a last will, has written over what we had said.
            self._spoke = False
            self._sightings += 1
            if self._rival is not None or self._sightings >= SIGHTINGS:
                self._found(status.boot)

    def let_in(self) -> None:
        """The broker has let us in."""
        self._since_s = self._clock()

    def tick(self, *, spoken: bool) -> None:
        """Something has happened in a session.

        Args:
            spoken: whether the broker has confirmed our states.
        """
        self._spoke = self._spoke or spoken
        if self._since_s is None or self._clock() - self._since_s < CALM_S:
            return
        self._sightings = 0
        if self._rival is not None:
            self._rival = None
            self._backoff.reset()
            log.info("no other agent has used the name %r for %.0f s", self._device, CALM_S)
            self._changed("")

    def lost(self, *, taken_over: bool) -> float | None:
        """The connection is lost, or could not be made.

        Args:
            taken_over: whether the broker says that another client has connected as us.

        Returns:
            How many seconds to stay away for the rival; None if it has nothing to do with that.
        """
        was_in, self._since_s = self._since_s is not None, None
        if taken_over:
            self._found(self._rival or "")
        return self._backoff.next() if was_in and self._rival is not None else None

    def _found(self, boot: str) -> None:
        if boot == self._rival:
            return
        self._rival = boot
        reason = f"{ANOTHER}: boot {boot}" if boot else ANOTHER
        log.error(
            "%s (%r, here boot %s): give each device a name of its own, device.name in agent.toml; "
            "until then they take turns",
            *(reason, self._device, self._boot),
        )
        self._changed(reason)
