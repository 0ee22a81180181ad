"""Whether another agent is connected under this one's name, as devices made from one image are."""

import sqlite3
from pathlib import Path

from edge_agent.common.errors import BrokerError, MessageError
from edge_agent.contract.messages import StatusMessage, decode_message
from edge_agent.contract.topics import Topics
from edge_agent.doctor.report import Finding, warn
from edge_agent.mqtt.dialer import Received, Session
from edge_agent.publish.rivalry import ANOTHER

# What a broker keeps, it sends at once.
KEPT_TIMEOUT_S = 1.0
CHECK = "device name"
REMEDY = (
    "give each device a name of its own, device.name in agent.toml: two of one name drive each "
    "other out of the broker"
)


def rivals(session: Session, topics: Topics, outbox: Path) -> list[Finding]:
    """What the broker keeps of the agent's status, and whether it can be of the agent here.

    Args:
        session: connected.
        topics: of the device.
        outbox: of the agent here, which holds it while it runs.
    """
    status = _status(session, topics.status)
    if status is None or status.state != "online":
        return []
    if status.reason.startswith(ANOTHER):
        found = f"{topics.device}: boot {status.boot} says: {status.reason}"
        return [warn(CHECK, found, REMEDY)]
    if runs_here(outbox) is False:
        found = f"{topics.device}: {ANOTHER}: boot {status.boot}, and none runs here"
        return [warn(CHECK, found, f"{REMEDY}. One that was killed a moment ago looks the same")]
    return []


def runs_here(outbox: Path) -> bool | None:
    """Whether an agent has the outbox open; None if that cannot be told."""
    if not outbox.is_file():
        return None
    try:
        db = sqlite3.connect(f"{outbox.absolute().as_uri()}?mode=ro", uri=True, timeout=0)
    except sqlite3.Error:
        return None
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        return True if "locked" in str(error) else None
    finally:
        db.close()
    return False


def _status(session: Session, topic: str) -> StatusMessage | None:
    try:
        session.subscribe([topic])
    except BrokerError:
        return None
    for event in session.events(KEPT_TIMEOUT_S):
        if isinstance(event, Received) and event.topic == topic:
            try:
                said = decode_message(event.payload, topic)
            except MessageError:
                return None
            return said if isinstance(said, StatusMessage) else None
    return None
