"""`edgeward tell`: what is typed becomes a command, and its answer lines for a reader."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from edge_agent.client.remote import Remote
from edge_agent.common.errors import BrokerError, ConfigError, MessageError
from edge_agent.contract.commands import (
    Command,
    DescribeCommand,
    Description,
    PauseCommand,
    ReplyMessage,
    SetCommand,
    SnapshotTaken,
    StreamDescription,
    Verb,
)
from edge_agent.contract.messages import BundleRef
from pipeline.broker.commands import reach
from pipeline.broker.tell import command_of, reply_lines, save_pictures

TAKEN = SnapshotTaken(
    stream="door",
    topic="edgeward/gate/stream/door/snapshot",
    captured_at=datetime(2026, 11, 21, 3, 22, 1, tzinfo=UTC),
    bytes=41822,
)


def reply(verb: Verb, **fields: Any) -> ReplyMessage:
    return msgspec.structs.replace(
        ReplyMessage(device="gate", boot="a", verb=verb, ok=True), **fields
    )


@pytest.mark.parametrize(
    ("verb", "fields", "expected"),
    [
        ("describe", {}, DescribeCommand()),
        ("pause", {"stream": "door"}, PauseCommand(stream="door")),
        ("set", {"interval_s": 2.0, "log_level": None}, SetCommand(interval_s=2.0)),
        (
            "set",
            {"stream": "cellar", "region": "water", "value": 0.0, "reset": None},
            SetCommand(stream="cellar", region="water", value=0.0),
        ),
    ],
)
def test_options_become_a_command(verb: str, fields: dict[str, str], expected: Command) -> None:
    """What was not given is not said."""
    assert command_of(verb, **fields) == expected


@pytest.mark.parametrize(
    ("verb", "fields", "expected"),
    [
        ("dance", {}, "expected one of snapshot, pause, resume, set, restart, describe, found"),
        ("set", {}, "set: expected interval_s or log_level, found neither"),
        ("pause", {"interval_s": 1.0}, "pause: Object contains unknown field `interval_s`"),
        ("set", {"interval_s": -1.0}, "set: Expected `float` >= 0.0 - at `$.interval_s`"),
    ],
)
def test_what_is_no_command_is_said_before_it_is_sent(
    verb: str, fields: dict[str, float], expected: str
) -> None:
    """As the device would say it."""
    with pytest.raises(MessageError) as error:
        command_of(verb, **fields)
    assert str(error.value).startswith(expected)


def test_an_answer_is_read_in_a_line() -> None:
    """Done, or why not; a device writes nothing that a terminal obeys."""
    assert list(reply_lines(reply("pause"))) == ["gate: pause: done"]
    (line,) = reply_lines(reply("set", ok=False, error="set: \x1b[2Jno"))
    assert line == "gate: refused: set: \\x1b[2Jno"


def test_a_picture_is_told_with_its_place() -> None:
    """Where it is, how large, and when it was taken."""
    assert list(reply_lines(reply("snapshot", snapshots=(TAKEN,)))) == [
        "gate/door: 41,822 bytes on edgeward/gate/stream/door/snapshot, "
        "taken 2026-11-21 03:22:01 UTC"
    ]


def test_a_description_is_a_line_for_each_stream() -> None:
    """What looks at what, how often, and whether it is paused."""
    bundle = BundleRef(name="digits", id="5204535e81d7")
    streams = (
        StreamDescription(
            name="door",
            task="classify",
            source="camera",
            bundle=bundle,
            interval_s=0,
            paused=False,
            place="camera rtsp://10.0.0.7/live",
        ),
        StreamDescription(
            name="cellar",
            task="ocr",
            source="camera",
            bundle=bundle,
            interval_s=300,
            paused=False,
            regions=("water", "gas"),
        ),
        StreamDescription(
            name="yard", task="classify", source="video", bundle=bundle, interval_s=1, paused=True
        ),
    )
    said = Description(version="0.1.0", runtime="LiteRT 2", streams=streams, commands=("pause",))
    by = "by digits 5204535e81d7"
    assert list(reply_lines(reply("describe", description=said))) == [
        "gate: edgeward 0.1.0, LiteRT 2",
        f"gate/door: classify {by}, of camera rtsp://10.0.0.7/live, as fast as it can",
        f"gate/cellar: ocr {by}, of camera, every 300 s, regions water, gas",
        f"gate/yard: classify {by}, of video, paused",
        "gate: obeys pause",
    ]


@pytest.mark.parametrize("name", ["../../door", "/etc/door", "door"])
def test_a_picture_is_written_where_it_was_asked_for(name: str, tmp_path: Path) -> None:
    """Whatever the device calls its stream."""

    class Kept:
        def picture(self, taken: SnapshotTaken, timeout_s: float) -> bytes:
            return f"{taken.topic} {timeout_s}".encode()

    taken = SnapshotTaken(stream=name, topic="t", captured_at=TAKEN.captured_at, bytes=3)
    told = reply("snapshot", snapshots=(taken,))
    remote = cast("Remote", Kept())  # it is asked for nothing else
    (path,) = save_pictures(remote, told, tmp_path / "new", 2.5)
    assert path == tmp_path / "new" / "door.jpg"
    assert path.read_bytes() == b"t 2.5"


def test_a_broker_is_reached_as_agent_toml_would(tmp_path: Path) -> None:
    """Credentials and TLS files, each refused as there."""
    secret, pem = tmp_path / "secret", tmp_path / "ca.pem"
    secret.write_text("me:hush\n")
    secret.chmod(0o600)
    pem.write_text("pem")
    found = reach("mqtts://broker", secret, pem, None, None)
    assert str(found.endpoint) == "mqtts://broker:8883"
    assert found.credentials is not None
    assert (found.credentials.user, found.ca_file) == ("me", pem)
    with pytest.raises(BrokerError, match=r"^broker url: expected mqtts:// with ca_file"):
        reach("mqtt://broker", None, pem, None, None)
    with pytest.raises(BrokerError, match=r"^broker cert_file and key_file: expected both"):
        reach("mqtts://broker", None, None, pem, None)
    with pytest.raises(ConfigError, match=r"none: expected a PEM file, found nothing"):
        reach("mqtts://broker", None, tmp_path / "none", None, None)
