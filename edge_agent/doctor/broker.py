"""The broker: found, reached, connected to, and whether it lets the agent say and hear all."""

import contextlib
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from edge_agent.config import AgentConfig
from edge_agent.discovery import discovery_topic
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding, fail, ok, skip, warn
from edge_agent.doctor.tls import tls
from edge_agent.endpoint import Broker, Endpoint
from edge_agent.errors import AgentError, BrokerError, one_line
from edge_agent.mqtt import (
    ANSWER_TIMEOUT_S,
    Acked,
    Dialer,
    Identity,
    Lost,
    Received,
    Refused,
    Session,
    unique_id,
)
from edge_agent.topics import Topics

# A slow link is no broken one.
TIMEOUT_S = ANSWER_TIMEOUT_S
# A message to oneself is there at once or not at all.
ECHO_TIMEOUT_S = 1.0
CONNECT_REMEDY = (
    "are user and password in credentials_file those the broker knows, and may this client id "
    "connect? Its log says why it refused"
)
ACL_REMEDY = "let this user do that in the broker's ACL; docs/mqtt.md lists the topics"
# Nobody's command: it is to see whether what is sent there arrives here.
ECHO_VERB = "doctor"


def broker(config: AgentConfig, host: Host) -> Iterator[Finding]:
    """From the name of the broker to what it allows; what depends on what failed is left out."""
    try:
        found = config.broker.broker()
    except AgentError as error:
        yield fail("broker", one_line(error), "mend [broker] in agent.toml, or the file it names")
        return
    yield from secrecy(config.broker.credentials_file)
    addresses = name(found.endpoint)
    yield addresses
    if addresses.level == "fail":
        return
    reached = reach(found.endpoint)
    yield reached
    if reached.level == "fail":
        return
    if found.endpoint.tls:
        secured = tls(found, host)
        yield from secured
        if any(finding.level == "fail" for finding in secured):
            return
    yield from spoken(found, config)


def secrecy(path: Path | None) -> list[Finding]:
    """Whether others can read the password."""
    if path is None:
        return []
    if stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH):
        remedy = f"chmod 600 {path}"
        return [warn("credentials", f"{path}: others may read it", remedy)]
    return [ok("credentials", f"{path}: read")]


def name(endpoint: Endpoint) -> Finding:
    """Whether the broker's name leads to an address."""
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        remedy = (
            "is the name right and this machine in the network? A name that ends in .local needs "
            "avahi-daemon and libnss-mdns; an address of digits needs neither"
        )
        return fail("broker name", f"{endpoint.host}: {one_line(error)}", remedy)
    addresses = sorted({str(entry[4][0]) for entry in found})
    return ok("broker name", f"{endpoint.host}: {', '.join(addresses)}")


def reach(endpoint: Endpoint) -> Finding:
    """Whether anything answers there."""
    try:
        socket.create_connection((endpoint.host, endpoint.port), TIMEOUT_S).close()
    except OSError as error:
        remedy = (
            "is the broker running, does it listen for others than its own machine (mosquitto: "
            "`listener 1883`), does a firewall stand between?"
        )
        return fail("broker port", f"{endpoint}: {one_line(error)}", remedy)
    return ok("broker port", f"{endpoint}: answers")


def spoken(found: Broker, config: AgentConfig) -> Iterator[Finding]:
    """Connect as the agent does, and try every topic that it needs."""
    try:
        # Not the agent's own id: that would drive out a running agent.
        session = Dialer(found, Identity(unique_id("edgeward-doctor"))).dial()
    except BrokerError as error:
        yield fail("broker login", one_line(error), CONNECT_REMEDY)
        return
    with contextlib.closing(session):
        who = f"as {found.credentials.user}" if found.credentials is not None else "as anybody"
        yield ok("broker login", f"MQTT {session.version}, {who}")
        topics = Topics(config.device.name)
        yield from may_publish(session, told(topics, config))
        if config.commands.allow:
            yield may_subscribe(session, topics)
        if config.home_assistant.enabled:
            yield may_announce(
                session, discovery_topic(config.home_assistant.prefix, topics.device)
            )


def told(topics: Topics, config: AgentConfig) -> list[str]:
    """Every topic that the agent publishes on."""
    streams = [stream.name for stream in config.streams]
    return [
        topics.status,
        topics.health,
        *(topics.availability(stream) for stream in streams),
        *(topics.result(stream) for stream in streams),
        *(topics.snapshot(stream) for stream in streams),
        *(topics.reply(verb) for verb in config.commands.allow),
    ]


def may_publish(session: Session, wanted: list[str]) -> Iterator[Finding]:
    """Publish nothing, an empty message that is not retained, on each topic; see docs/mqtt.md."""
    if session.version != "5":
        yield skip("acl publish", "a broker of MQTT 3.1.1 does not say what it refuses")
        return
    refused = []
    for topic in wanted:
        answer = _answer(session, session.publish(topic, b""))
        if answer is None:
            yield fail("acl publish", f"{topic}: no answer", "look at the broker's log")
            return
        if answer:
            refused.append(f"{topic} ({answer})")
    if refused:
        yield fail("acl publish", f"refused: {', '.join(refused)}", ACL_REMEDY)
    else:
        yield ok("acl publish", f"{len(wanted)} topics")


def may_subscribe(session: Session, topics: Topics) -> Finding:
    """Subscribe to commands, and where we may send one, see whether it arrives.

    The broker's word is not enough: mosquitto with an ACL file grants every SUBSCRIBE, and
    then delivers nothing.
    """
    wanted = topics.command("+")
    try:
        session.subscribe([wanted], echo=True)
    except BrokerError as error:
        return fail("acl subscribe", one_line(error), ACL_REMEDY)
    echo = topics.command(ECHO_VERB)
    heard: list[str] = []
    answer = _answer(session, session.publish(echo, b""), heard)
    if answer is None or answer or session.version != "5":
        return ok("acl subscribe", f"{wanted}: granted; delivery cannot be tried by this user")
    if echo in heard or _hears(session, echo):
        return ok("acl subscribe", f"{wanted}: granted and delivered")
    return fail("acl subscribe", f"{wanted}: granted, but not delivered", ACL_REMEDY)


def may_announce(session: Session, topic: str) -> Finding:
    """Ask for what the broker keeps of our announcement to Home Assistant.

    Nothing is published there: to Home Assistant an empty message means that the device is gone.
    """
    try:
        session.subscribe([topic])
    except BrokerError as error:
        return fail("acl home assistant", one_line(error), ACL_REMEDY)
    return ok("acl home assistant", f"{topic}: granted; writing there is not tried")


def _answer(session: Session, mid: int, heard: list[str] | None = None) -> str | None:
    """Why message `mid` was refused; "" if it was taken, None if there was no answer."""
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
                case Lost():
                    return None
                case _:
                    pass
        if not events:
            return None


def _hears(session: Session, topic: str) -> bool:
    return any(
        isinstance(event, Received) and event.topic == topic
        for event in session.events(ECHO_TIMEOUT_S)
    )
