"""How long the outbox is said to hold, and whether that is true."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.config import AgentConfig, load_config
from edge_agent.contract.messages import BundleRef, ResultMessage, encode_message
from edge_agent.contract.topics import Topics
from edge_agent.outbox.outbox import Limits, Outbox
from edge_agent.service.endurance import endurance, too_short
from edge_agent.tasks.classify.answer import Classification, LabelScore

IMAGES = '{ kind = "images", path = "x" }'
CAMERA = '{ kind = "camera", index = 0, fps = 10 }'
METER = """
task = "ocr"
interval_s = 60
[[stream.regions]]
name = "water"
rect = { x = 1, y = 1, w = 50, h = 20 }
[stream.regions.meter]
digits = 6
[[stream.regions]]
name = "gas"
rect = { x = 1, y = 30, w = 50, h = 20 }
"""


def configured(
    folder: Path, stream: str = "interval_s = 1", source: str = IMAGES, outbox: str = ""
) -> AgentConfig:
    path = folder / "agent.toml"
    path.write_text(
        f"""
[device]
name = "garage-pi"
[outbox]
path = "outbox.db"
{outbox}
[[stream]]
name = "door"
bundle = "b"
source = {source}
{stream}
"""
    )
    return load_config(path)


def test_the_default_holds_for_a_day_and_a_half_at_one_a_second(tmp_path: Path) -> None:
    """64 MB, a classifier with three classes: a day is enough, a night all the more."""
    holds = endurance(configured(tmp_path))
    assert holds.hours is not None
    assert 28 < holds.hours < 44
    assert holds.per_s == 1
    assert str(holds) == (
        f"holds about {holds.hours:.0f} h at 1 result a second "
        f"({holds.bytes_each:.0f} bytes each, estimated)"
    )
    assert not too_short(holds, "drop-oldest")


def test_what_is_said_is_what_happens(tmp_path: Path) -> None:
    """Real results of the kind, stored until the first has to leave: within a tenth."""
    config = configured(tmp_path, outbox="max_mb = 0.5")
    said = endurance(config).results
    top = tuple(LabelScore(name, 0.25) for name in ("7", "another one", "3"))

    def result(seq: int) -> bytes:
        return encode_message(
            ResultMessage(
                device="garage-pi", stream="door", boot="6c4bc75930a1", seq=seq, frame=seq,
                captured_at=datetime.now(UTC), latency_ms=10.123,
                bundle=BundleRef(name="digits", id="5204535e81d7"),
                result=Classification(
                    label="7", index=7, confidence=0.98123, sure=True, top=top
                ),
            )
        )  # fmt: skip

    limits = Limits(max_bytes=config.outbox.limits().max_bytes)
    with Outbox(config.outbox.path, limits) as outbox:
        count = 0
        while not outbox.state().evicted:
            outbox.append("door", Topics("garage-pi").result("door"), result)
            count += 1
    assert abs(count - said) < said / 10
    measured = endurance(config)
    assert measured.measured
    assert abs(count - measured.results) < count / 50
    assert "measured" in str(measured)


@pytest.mark.parametrize(
    ("stream", "source", "per_s"),
    [
        ("interval_s = 0.5", IMAGES, 2),
        ("frames_per_s = 4", IMAGES, 4),
        (METER, IMAGES, 2 / 60),
        ("", CAMERA, 10),
        ("", IMAGES, 30),
        ('publish = { when = "changed", at_least_every_s = 600 }', IMAGES, 1 / 600),
        ('publish = { when = "changed" }', IMAGES, 0),
    ],
)
def test_results_a_second_are_those_configured(
    tmp_path: Path, stream: str, source: str, per_s: float
) -> None:
    """By the interval, by every region, by the camera; of what is news only, the heartbeats."""
    assert endurance(configured(tmp_path, stream, source)).per_s == pytest.approx(per_s)


def test_what_no_rate_tells_is_said(tmp_path: Path) -> None:
    """News come on top; of a stream as fast as its model nothing is known."""
    news = str(endurance(configured(tmp_path, 'publish = { when = "changed" }')))
    assert news.startswith("holds about 1")
    assert news.endswith("estimated); what is news of door comes on top")
    fast = endurance(configured(tmp_path, "", IMAGES))
    assert str(fast).endswith("; door: as fast as the model, if that is 30")
    assert not too_short(fast, "drop-oldest")


def test_less_than_a_day_is_too_short(tmp_path: Path) -> None:
    """Must fire: ten a second by the camera; not where a coarse history is kept."""
    fast = endurance(configured(tmp_path, "", CAMERA))
    assert too_short(fast, "drop-oldest")
    assert not too_short(fast, "thin")


def test_what_is_given_up_for_its_age_is_not_held(tmp_path: Path) -> None:
    """`max_age_h` ends it sooner."""
    holds = endurance(configured(tmp_path, outbox="max_age_h = 3"))
    assert str(holds).startswith("holds about 3 h at 1 result a second")
    assert too_short(holds, "drop-oldest")


def test_an_outbox_in_use_is_left_alone(tmp_path: Path) -> None:
    """A running agent has it: then the estimate is of typical results."""
    config = configured(tmp_path)
    with Outbox(config.outbox.path) as outbox:
        outbox.append("door", "t", lambda seq: bytes(5000))
        assert not endurance(config).measured
    assert endurance(config).bytes_each == 5001
