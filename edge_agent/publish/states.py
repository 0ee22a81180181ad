"""`StreamStates`: the newest answers of a stream, retained, for who shows things as they are.

A result is sent once, and none may be lost. What stands is a state: the broker keeps the
newest, so that who comes later, or was restarted, has it at once; what lay in the outbox for hours
is never shown as it; and it may leave out what was replaced a moment later.
"""

import math

from edge_agent.contract.messages import ResultMessage, StateMessage, encode_message
from edge_agent.publish.sender import Sender

# What is not new is not sent more often: it is a message more on a slow link, and a broker, or who
# shows it, writes it to a disk.
LEAST_S = 5.0


class StreamStates:
    """Of one stream; each region has a state of its own.

    Args:
        sender: who sends it.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._said_s: dict[str, float] = {}  # by region

    def hear(self, message: ResultMessage, at: float) -> None:
        """`message` is safely stored: what it says stands from now on.

        Args:
            message: the newest result of the stream.
            at: when its frame was taken, in seconds that never go back.
        """
        answer = message.result
        region = answer.key
        since_s = at - self._said_s.get(region, -math.inf)
        if message.trigger == "frame" and since_s < LEAST_S:
            return
        self._said_s[region] = at
        state = StateMessage(
            device=message.device,
            stream=message.stream,
            boot=message.boot,
            seq=message.seq,
            captured_at=message.captured_at,
            bundle=message.bundle,
            result=answer,
            clock_set=message.clock_set,
        )
        topic = self._sender.topics.state(message.stream, region)
        self._sender.publisher.retain(topic, encode_message(state))
