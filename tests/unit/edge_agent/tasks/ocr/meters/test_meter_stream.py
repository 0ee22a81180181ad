"""A stream whose region is a meter: what is published of it, and how a command sets it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from support.publishers import MemoryPublisher
from support.stripes import stripes

from edge_agent.bundle.archive import Bundle
from edge_agent.common.stop import Stop
from edge_agent.contract.commands import ReplyMessage, SetCommand
from edge_agent.contract.messages import BundleRef, ResultMessage, decode_message
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.publish.sender import Sender
from edge_agent.remote.perform import CommandPerformer
from edge_agent.service.plan import stream_looker
from edge_agent.sources.base import NO_TROUBLE, Frame, bgr_frame
from edge_agent.sources.config import ImagesConfig
from edge_agent.stream.config import PublishConfig, StreamConfig
from edge_agent.stream.stream import Stream
from edge_agent.system.wall_clock import WallClock
from edge_agent.tasks.ocr.answer import Reading
from edge_agent.tasks.ocr.meters.rules import MeterRules
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.places import Region

AT = Region(x=10, y=10, w=128, h=32)
RULES = MeterRules(digits=3, decimals=1, confirm=2, confirm_jump=2, unit="m³")


class Scripted:
    """A source that has the texts of a script read, and does what stands between them."""

    live = True  # as a camera: no frame is prepared before the one before is answered
    counters = NO_TROUBLE

    def __init__(self, *script: str | SetCommand) -> None:
        self.script, self.replies = script, list[ReplyMessage]()
        self.control: CommandPerformer | None = None

    def __enter__(self) -> "Scripted":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        for number, each in enumerate(self.script):
            if isinstance(each, SetCommand):
                assert self.control is not None
                self.replies.append(self.control.perform("set", each))
                continue
            image = np.full((52, 148, 3), 255, np.uint8)
            image[10:42, 10:138] = stripes(each, scale=2)[:, :, np.newaxis]
            yield bgr_frame(image, number)


def run(
    bundle: Bundle,
    source: Scripted,
    publish: PublishConfig | None = None,
    clock: WallClock | None = None,
) -> list[ResultMessage]:
    """What a stream publishes of `source`."""
    config = StreamConfig(
        name="cellar",
        bundle=Path("b"),
        source=ImagesConfig(path=Path("p")),
        options=TextOptions(
            regions=(
                TextRegion(name="water", rect=AT, meter=RULES),
                TextRegion(name="plain", rect=AT),
            )
        ),
        publish=publish or PublishConfig(),
    )
    publisher = MemoryPublisher()
    with TfliteRecognizer(bundle) as recognize:
        looker = stream_looker(config, bundle, recognize)
        sender = Sender("gate", "boot", publisher, clock or WallClock())
        ref = BundleRef(name="n", id="i")
        stream = Stream(config, ref, looker, sender, Stop())
        source.control = CommandPerformer(sender, [stream], ("set",), 60, 1000, lambda: None)
        stream.run(source)
    messages = [decode_message(payload, "t") for _, payload in publisher.published]
    return [m for m in messages if isinstance(m, ResultMessage)]


def water(messages: list[ResultMessage]) -> list[tuple[ResultMessage, Reading]]:
    found = [(m, m.result) for m in messages if isinstance(m.result, Reading)]
    return [(message, reading) for message, reading in found if reading.region == "water"]


def test_a_meter_says_when_its_value_was_seen(stripes_bundle: Bundle) -> None:
    """The moment of the frame where it is accepted; of a later one it does not move."""
    found = water(run(stripes_bundle, Scripted("12.1", "12.1", "12.1", "1")))
    assert [r.state for _, r in found] == ["held", "accepted", "accepted", "rejected"]
    assert found[0][1].value_at is None
    for message, reading in found[1:3]:
        assert reading.value_at == message.captured_at
    ago = found[3][0].captured_at - found[2][0].captured_at
    assert found[3][1].value_at is not None
    assert abs(found[3][0].captured_at - found[3][1].value_at - ago) < timedelta(milliseconds=50)
    assert [r.value_from for _, r in found] == [None, "readings", "readings", "readings"]


def test_a_result_says_whether_the_clock_was_set(stripes_bundle: Bundle) -> None:
    """In 1970 it was not."""
    synchronised = WallClock(synchronised=lambda: True)
    right = run(stripes_bundle, Scripted("12.1"), clock=synchronised)
    wrong = run(stripes_bundle, Scripted("12.1"), clock=WallClock(now=lambda: 3600.0))
    assert [m.clock_set for m in (*right, *wrong)] == [True, True, False, False]


def test_a_command_sets_a_meter(stripes_bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    """Back as well: logged, published with the next result, and counted on from."""
    source = Scripted(
        "32.1",
        "32.1",
        SetCommand(stream="cellar", region="water", value=12.0),
        "32.1",
        "12.1",
        "12.1",
    )
    with caplog.at_level("WARNING", "edge_agent"):
        found = water(run(stripes_bundle, source))
    assert [reply.ok for reply in source.replies] == [True]
    assert [(r.state, r.value, r.value_from) for _, r in found] == [
        ("held", None, None),
        ("accepted", 32.1, "readings"),
        ("held", 12.0, "command"),
        ("held", 12.0, "command"),
        ("accepted", 12.1, "readings"),
    ]
    assert caplog.messages == [
        "stream 'cellar', region 'water': set from 32.1 to 12.0, by a command"
    ]


def test_what_was_set_is_published_at_once(stripes_bundle: Bundle) -> None:
    """Where only changes are, and they have to settle first."""
    publish = PublishConfig(when="changed", settle=3)
    same = SetCommand(stream="cellar", region="water", value=12.1)
    source = Scripted(*["12.1"] * 6, same, *["12.1"] * 3)
    found = water(run(stripes_bundle, source, publish))
    assert [(m.trigger, r.value, r.value_from) for m, r in found] == [
        ("change", 12.1, "readings"),
        ("change", 12.1, "command"),
    ]


def test_a_command_has_a_meter_begin_anew(stripes_bundle: Bundle) -> None:
    """Its next readings make the value."""
    reset = SetCommand(stream="cellar", region="water", reset=True)
    found = water(run(stripes_bundle, Scripted("32.1", "32.1", reset, "12.1", "12.1")))
    assert [(r.state, r.value) for _, r in found] == [
        ("held", None),
        ("accepted", 32.1),
        ("held", None),
        ("accepted", 12.1),
    ]


@pytest.mark.parametrize(
    ("region", "value", "error"),
    [
        ("gas", 1.0, "set: expected a region with a meter of water, found 'gas' - at `$.region`"),
        (
            "plain",
            1.0,
            "set: expected a region with a meter of water, found 'plain' - at `$.region`",
        ),
        ("water", 1.23, "set: expected at most 1 digits behind the point, found 1.23 - at `$.val"),
        ("water", 100.0, "set: expected 3 digits, found 100.0 - at `$.value`"),
        ("water", -1.0, "set: expected no sign, found -1.0 - at `$.value`"),
    ],
)
def test_what_cannot_be_set_is_refused(
    stripes_bundle: Bundle, region: str, value: float, error: str
) -> None:
    """And nothing is done."""
    command = SetCommand(stream="cellar", region=region, value=value)
    source = Scripted("32.1", "32.1", command, "32.1")
    found = water(run(stripes_bundle, source))
    assert source.replies[0].error.startswith(error)
    assert [(r.value, r.value_from) for _, r in found][-1] == (32.1, "readings")
