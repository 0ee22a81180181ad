"""`CommandInbox`: where commands arrive. It refuses what is wrong, and hands on what is right."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from edge_agent.common.errors import MessageError
from edge_agent.common.rate import RateLimit
from edge_agent.contract.commands import Command, ReplyMessage, decode_command, encode_reply
from edge_agent.contract.topics import PROBE, Topics
from edge_agent.mqtt.values import Received
from edge_agent.publish.sender import Sender

log = logging.getLogger(__name__)

# Nothing sensible is longer; an answer repeats it.
MAX_CORRELATION_BYTES = 256


@dataclass(frozen=True)
class Return:
    """Where an answer goes, and what it carries so that the asker knows it again."""

    topic: str
    correlation: bytes | None = None


@dataclass(frozen=True)
class Request:
    """A command that may be performed, and where its answer goes."""

    verb: str
    command: Command
    back: Return


class CommandInbox:
    """Takes what arrives on the command topics; every command gets one answer.

    Except those that a broker had kept (a retained `restart` would come again after every
    restart), and those beyond the rate after the first: answering a flood doubles it.

    Args:
        sender: who answers.
        allowed: the verbs that may be performed.
        rate: how often.
        forward: takes over a request; called from the caller's thread.
    """

    def __init__(
        self,
        sender: Sender,
        allowed: Collection[str],
        rate: RateLimit,
        forward: Callable[[Request], None],
    ) -> None:
        self._sender, self._topics = sender, sender.topics
        self._allowed, self._rate, self._forward = allowed, rate, forward
        self._overrun = False

    def receive(self, received: Received) -> None:
        """Deal with one message on a command topic."""
        verb = received.topic.removeprefix(self._topics.command(""))
        if verb == PROBE:
            return  # to see whether what is sent there arrives: it is for who sent it
        if received.retained:
            log.warning("ignored a command that the broker had kept on %s", received.topic)
            return
        if not self._rate.take():
            if not self._overrun:
                self._overrun = True
                log.warning("too many commands: those beyond the rate are ignored")
                self._refuse(verb, self._return(verb, received), "too many commands: ask later")
            return
        self._overrun = False
        back = self._return(verb, received)
        try:
            command = decode_command(verb, received.payload)
            if verb not in self._allowed:
                raise MessageError(f"{verb}: not allowed here; see [commands] in agent.toml")
        except MessageError as error:
            self._refuse(verb, back, str(error))
            return
        self._forward(Request(verb, command, back))

    def answer(self, back: Return, reply: ReplyMessage) -> None:
        """Send `reply` to whoever asked."""
        self._sender.publisher.say(back.topic, encode_reply(reply), back.correlation)

    def _refuse(self, verb: str, back: Return, error: str) -> None:
        log.warning("refused a command: %s", error)
        device, boot = self._sender.device, self._sender.boot
        self.answer(
            back, ReplyMessage(device=device, boot=boot, verb=verb[:64], ok=False, error=error)
        )

    def _return(self, verb: str, received: Received) -> Return:
        """The asker's topic; ours where there is none, or where we must not write for others."""
        topic, correlation = received.response_topic, received.correlation
        if correlation is not None and len(correlation) > MAX_CORRELATION_BYTES:
            correlation = None
        ours = self._topics.reply(verb) if verb.isalnum() else self._topics.reply("unknown")
        if topic is None or not _may_answer_on(topic, self._topics):
            return Return(ours, correlation)
        return Return(topic, correlation)


def _may_answer_on(topic: str, topics: Topics) -> bool:
    """Whoever may command must not gain our right to publish as this device."""
    if not topic or len(topic) > 256 or any(c in topic for c in "+#\0") or topic[0] == "$":
        return False
    return not topic.startswith(f"{topics.root}/") or topic.startswith(topics.reply(""))
