"""The broker: found, reached, connected to, and whether it lets the agent say and hear all."""

import contextlib
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from edge_agent.common.errors import AgentError, BrokerError, one_line
from edge_agent.config import AgentConfig
from edge_agent.contract.topics import PROBE, Topics
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding, fail, ok, warn
from edge_agent.doctor.rivals import rivals
from edge_agent.doctor.tls import tls
from edge_agent.doctor.writing import ACL_REMEDY, answer, may_publish, places
from edge_agent.homeassistant.config import HomeAssistantConfig
from edge_agent.homeassistant.discovery import discovery_topic
from edge_agent.mqtt.dialer import (
    ANSWER_TIMEOUT_S,
    Dialer,
    Identity,
    Received,
    Session,
    unique_id,
)
from edge_agent.mqtt.endpoint import Broker, Endpoint

# A slow link is no broken one.
TIMEOUT_S = ANSWER_TIMEOUT_S
# A message to oneself is there at once or not at all.
ECHO_TIMEOUT_S = 1.0
CONNECT_REMEDY = (
    "are user and password in credentials_file those the broker knows, and may this client id "
    "connect? Its log says why it refused"
)
BIRTH_REMEDY = (
    "let this user read it in the broker's ACL: what stands is then said again when Home Assistant "
    "starts"
)


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
        yield from rivals(session, topics, config.outbox.path)
        if config.commands.allow:
            yield may_subscribe(session, topics)
        if config.home_assistant.enabled:
            yield may_announce(session, config.home_assistant, topics.device)
        # The last: some brokers hang up on who may not write.
        yield from may_publish(session, places(topics, config), topics.root)


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
    echo = topics.command(PROBE)
    heard: list[str] = []
    refusal = answer(session, session.publish(echo, b""), heard)
    if refusal is None or refusal or session.version != "5":
        return ok("acl subscribe", f"{wanted}: granted; delivery cannot be tried by this user")
    if echo in heard or _hears(session, echo):
        return ok("acl subscribe", f"{wanted}: granted and delivered")
    return fail("acl subscribe", f"{wanted}: granted, but not delivered", ACL_REMEDY)


def may_announce(session: Session, home: HomeAssistantConfig, device: str) -> Finding:
    """Ask for what the broker keeps of our announcement to Home Assistant, and for its birth.

    Nothing is published there: to Home Assistant an empty message means that the device is gone.
    """
    topic = discovery_topic(home.prefix, device)
    try:
        session.subscribe([topic])
    except BrokerError as error:
        return fail("acl home assistant", one_line(error), ACL_REMEDY)
    try:
        session.subscribe([home.birth_topic])
    except BrokerError as error:
        return warn("acl home assistant", one_line(error), BIRTH_REMEDY)
    return ok("acl home assistant", f"{topic}: granted; writing there is not tried")


def _hears(session: Session, topic: str) -> bool:
    return any(
        isinstance(event, Received) and event.topic == topic
        for event in session.events(ECHO_TIMEOUT_S)
    )
