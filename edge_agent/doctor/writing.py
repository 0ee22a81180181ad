"""Whether the broker lets the agent write where it must, without writing there.

On a live topic even an empty message is one: Home Assistant makes an error of it, or a picture of
nothing. So the doctor writes where nobody looks, in places that the same rule of the broker would
cover: below each topic, as `edgeward/#` does; and where that is refused, on the like topic of a
stream or a verb that there is not, as `edgeward/gate/stream/+/result` does. A rule for one topic
alone covers neither: then it is not proven, which is not the same as refused.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from edge_agent.config import AgentConfig
from edge_agent.contract.topics import PROBE, Topics
from edge_agent.doctor.report import Finding, fail, ok, skip, warn
from edge_agent.mqtt.dialer import ANSWER_TIMEOUT_S, Acked, ConnectionLost, Refused, Session
from edge_agent.mqtt.values import Received
from edge_agent.publish.kept_topics import kept_topics

ACL_REMEDY = "let this user do that in the broker's ACL; docs/reference/mqtt.md lists the topics"
UNPROVEN_REMEDY = (
    "rules that name these very topics may allow them, and the log of the running agent says "
    "what is refused; a rule for all below {root}/ is proven by this"
)
# A slow link is no broken one.
TIMEOUT_S = ANSWER_TIMEOUT_S


@dataclass(frozen=True)
class TopicProbe:
    """A topic that the agent writes on, and where that can be tried.

    Args:
        topic: the live one.
        beside: the like topic of what there is not; None where it has none.
    """

    topic: str
    beside: str | None = None

    def trials(self) -> tuple[str, ...]:
        """Where to try it, the most telling first."""
        below = f"{self.topic}/{PROBE}"
        return (below,) if self.beside is None else (below, self.beside)


def places(topics: Topics, config: AgentConfig) -> list[TopicProbe]:
    """Every topic that the agent writes on, but those of Home Assistant."""
    nobody = PROBE
    while any(stream.name == nobody for stream in config.streams):
        nobody += "_"
    of_streams = [
        TopicProbe(topic, topic.replace(f"/stream/{stream.name}/", f"/stream/{nobody}/", 1))
        for stream in config.streams
        for topic in (
            topics.result(stream.name),
            *kept_topics(topics, stream.name, stream.options.keys()),
        )
    ]
    answers = [
        TopicProbe(topics.reply(verb), topics.reply(PROBE)) for verb in config.commands.allow
    ]
    return [TopicProbe(topics.status), TopicProbe(topics.health), *of_streams, *answers]


def may_publish(session: Session, wanted: list[TopicProbe], root: str) -> Iterator[Finding]:
    """Publish nothing, an empty message that is not retained, in the places of `wanted`.

    Args:
        session: ends where a broker hangs up on who may not write.
        wanted: what to try.
        root: what all topics of the device start with.
    """
    if session.version != "5":
        yield skip("acl publish", "a broker of MQTT 3.1.1 does not say what it refuses")
        return
    unproven, reasons = [], list[str]()
    for place in wanted:
        for trial in place.trials():
            reason = answer(session, session.publish(trial, b""))
            if reason is None:
                found = f"{trial}: no answer, or the broker hung up"
                yield warn("acl publish", found, UNPROVEN_REMEDY.format(root=root))
                return
            if not reason:
                break
            reasons.append(reason)
        else:
            unproven.append(place.topic)
    if not unproven:
        yield ok("acl publish", f"{len(wanted)} topics, tried below or beside each")
        return
    why = ", ".join(sorted(set(reasons)))
    if len(unproven) == len(wanted):
        yield fail("acl publish", f"refused below and beside every topic: {why}", ACL_REMEDY)
        return
    names = ", ".join(unproven)
    found = f"proven for {len(wanted) - len(unproven)} of {len(wanted)} topics, not for {names}"
    yield warn("acl publish", f"{found}: {why} beside it", UNPROVEN_REMEDY.format(root=root))


def answer(session: Session, mid: int, heard: list[str] | None = None) -> str | None:
    """Why message `mid` was refused; "" if it was taken, None if there was no answer.

    Args:
        session: that sent it.
        mid: its id.
        heard: the topics of messages that came meanwhile are added to it.
    """
    while True:
        events = list(session.events(TIMEOUT_S))
        for event in events:
            match event:
                case Acked(found) if found == mid:
                    return ""
                case Refused(found, reason) if found == mid:
                    return reason
                case Received() as message if heard is not None:
                    heard.append(message.topic)
                case ConnectionLost():
                    return None
                case _:
                    pass
        if not events:
            return None
