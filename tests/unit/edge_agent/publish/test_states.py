"""What stands: said at a change at once, else every five seconds; each region by itself."""

from datetime import UTC, datetime

from support.publishers import MemoryPublisher

from edge_agent.contract.messages import (
    BundleRef,
    ResultMessage,
    StateMessage,
    Trigger,
    decode_message,
)
from edge_agent.publish.sender import Sender
from edge_agent.publish.states import StreamStates
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.ocr.answer import Page

STATE = "edgeward/gate/stream/front/state"


def result(seq: int, trigger: Trigger = "frame", region: str = "") -> ResultMessage:
    cat = Classification(label="cat", index=0, confidence=0.9, sure=True, top=())
    return ResultMessage(
        device="gate",
        stream="front",
        boot="b",
        seq=seq,
        frame=seq,
        captured_at=datetime(2026, 11, 21, tzinfo=UTC),
        latency_ms=1,
        bundle=BundleRef(name="n", id="i"),
        result=Page(region=region, lines=()) if region else cat,
        trigger=trigger,
        clock_set=False,
    )


def heard(*given: tuple[ResultMessage, float]) -> list[tuple[str, StateMessage]]:
    """What was said of `given`, in its order."""
    said: list[tuple[str, StateMessage]] = []

    class Hearing(MemoryPublisher):
        def retain(self, topic: str, payload: bytes) -> None:
            message = decode_message(payload, topic)
            assert isinstance(message, StateMessage)
            said.append((topic, message))

    standing = StreamStates(Sender("gate", "b", Hearing()))
    for message, at in given:
        standing.hear(message, at)
    return said


def test_a_state_is_what_its_result_says() -> None:
    """Its number is the result's: it counts nothing itself."""
    ((topic, state),) = heard((result(7), 0.0))
    assert topic == STATE
    assert (state.seq, state.result, state.again) == (7, result(7).result, False)
    assert (state.captured_at, state.clock_set) == (result(7).captured_at, False)


def test_what_is_no_news_is_said_every_five_seconds() -> None:
    """However many results there are in between."""
    said = heard(*((result(n), n / 8) for n in range(1, 121)))
    assert [state.seq for _, state in said] == [1, 41, 81]


def test_news_does_not_wait() -> None:
    """Nor what is due; and the five seconds count from there."""
    times = (0.0, 0.1, 0.2, 4.9, 5.3)
    triggers: tuple[Trigger, ...] = ("frame", "change", "heartbeat", "frame", "frame")
    given = [(result(n, t), at) for n, (t, at) in enumerate(zip(triggers, times, strict=True), 1)]
    assert [state.seq for _, state in heard(*given)] == [1, 2, 3, 5]


def test_each_region_has_a_topic_and_a_pace_of_its_own() -> None:
    """One does not keep the other from speaking."""
    said = heard((result(1, region="a"), 0.0), (result(2, region="b"), 0.0))
    assert [topic for topic, _ in said] == [f"{STATE}/a", f"{STATE}/b"]
