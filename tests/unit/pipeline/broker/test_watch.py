"""`edgeward watch`: every message in a line, and what is missing is said."""

from datetime import UTC, datetime

import msgspec
import pytest

from edge_agent.client import Delivery
from edge_agent.client.ledger import Ledger
from edge_agent.contract.messages import (
    AvailabilityMessage,
    BundleRef,
    HealthMessage,
    Message,
    OutboxHealth,
    ResultMessage,
    StatusMessage,
    decode_message,
)
from edge_agent.tasks.classify.answer import Classification, LabelScore
from edge_agent.tasks.ocr.answer import Line, Page, Reading, ReadingState
from pipeline.broker.watch import account_line, show, show_json

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def result(seq: int, *, boot: str = "a", sure: bool = True) -> ResultMessage:
    answer = Classification(
        label="cat", index=0, confidence=0.983, sure=sure, top=(LabelScore("cat", 0.983),)
    )
    return ResultMessage(
        device="door",
        stream="front",
        boot=boot,
        seq=seq,
        frame=seq,
        captured_at=NOW,
        latency_ms=4.14,
        bundle=BundleRef(name="cats", id="123456789abc"),
        result=answer,
    )


def shown(*messages: Message) -> tuple[list[str], Ledger]:
    lines: list[str] = []
    ledger = Ledger()
    for message in messages:
        show(Delivery("topic", message), ledger, lines.append)
    return lines, ledger


def test_a_result_is_a_line() -> None:
    """Where, which number, what, how sure, how long it took."""
    (line,), _ = shown(result(12))
    assert line == "door/front #12    cat           98.3 %     4.1 ms"


def test_an_unsure_answer_says_so() -> None:
    """Must fire only below the bundle's least confidence."""
    (line,), _ = shown(result(1, sure=False))
    assert "98.3 %  (not sure)" in line


BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 5.0), (0.0, 5.0))


def reading(text: str, state: ReadingState, why: str, value: float | None) -> ResultMessage:
    answer = Reading(
        region="water",
        state=state,
        why=why,
        text=text,
        confidence=0.991,
        characters=(),
        box=BOX,
        value=value,
        unit="m³" if value is not None else "",
    )
    return msgspec.structs.replace(result(7), result=answer)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (reading("00123.4", "accepted", "", 123.4), "water: 00123.4       99.1 %  = 123.4 m³"),
        (reading("12", "accepted", "", None), "water: 12            99.1 %"),
        (
            reading("00124", "held", "1 of 3 readings agree", 123.0),
            "water: 00124         99.1 %  (held: 1 of 3 readings agree)  = 123.0 m³",
        ),
        (
            reading("", "rejected", "dark: no", 0.5),
            "water: no text  (rejected: dark: no)  = 0.5 m³",
        ),
    ],
    ids=["accepted", "no meter", "held", "rejected"],
)
def test_a_reading_is_a_line(message: ResultMessage, line: str) -> None:
    """The region, what it says, why that is not accepted, and what the meter's value is."""
    assert shown(message)[0] == [f"door/front #7     {line}     4.1 ms"]


def test_a_page_is_a_line_for_each_of_its_lines() -> None:
    """In reading order, below the frame's own line; control characters do no harm."""
    line = Line(state="accepted", text="Milk", confidence=0.5, characters=(), box=BOX)
    held = msgspec.structs.replace(line, state="held", why="not sure", text="2\x1b0")
    page = msgspec.structs.replace(result(7), result=Page(region="receipt", lines=(line, held)))
    assert shown(page)[0] == [
        "door/front #7     receipt: 2 lines     4.1 ms",
        "    Milk          50.0 %",
        "    2\\x1b0           50.0 %  (held: not sure)",
    ]


def test_an_empty_page_says_why() -> None:
    """One line, no text."""
    empty = Page(region="receipt", lines=(), why="no lines of text")
    page = msgspec.structs.replace(result(7), result=empty)
    assert shown(page)[0] == ["door/front #7     receipt: 0 lines  (no lines of text)     4.1 ms"]


def test_a_gap_is_said_before_the_result_that_shows_it() -> None:
    """Two numbers left out are two results missing, and the account ends with them."""
    lines, ledger = shown(result(1), result(4))
    assert lines[1] == "door/front: 2 missing before 4"
    assert account_line(ledger) == (
        "2 received, 2 lost, 0 duplicated "
        "(lost includes what was evicted, and what was sent while nobody watched)"
    )


def test_a_repetition_is_marked() -> None:
    """A duplicate is shown as one and counted as one."""
    lines, ledger = shown(result(1), result(1))
    assert lines[1].endswith("  (duplicate)")
    assert account_line(ledger) == "1 received, 0 lost, 1 duplicated"


def test_a_new_numbering_is_said() -> None:
    """A device that lost its outbox counts from 1 again under a new boot."""
    lines, _ = shown(result(5), result(1, boot="b"))
    assert lines[1] == "door/front: numbering began anew (outbox was lost)"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            StatusMessage(device="door", boot="a", state="online", version="1", streams=()),
            "door: online",
        ),
        (
            StatusMessage(
                device="door", boot="a", state="offline", reason="done", version="1", streams=()
            ),
            "door: offline (done)",
        ),
        (
            AvailabilityMessage(
                device="door", stream="front", boot="a", state="offline", reason="gone", since=NOW
            ),
            "door/front: source offline (gone)",
        ),
        (
            HealthMessage(
                device="door",
                boot="a",
                at=NOW,
                uptime_s=61.4,
                streams=(),
                outbox=OutboxHealth(depth=3, bytes=9, evicted=1),
                connections=1,
            ),
            "door: up 61 s, 3 waiting, 1 evicted",
        ),
    ],
    ids=["online", "offline", "source", "health"],
)
def test_what_a_device_says_of_itself_is_a_line(message: Message, line: str) -> None:
    """Status, availability and health, with the reason where there is one."""
    assert shown(message)[0] == [line]


def test_json_is_the_message_as_it_came() -> None:
    """One line a message, decodable again, and results are counted all the same."""
    lines: list[str] = []
    ledger = Ledger()
    show_json(Delivery("topic", result(3)), ledger, lines.append)
    show_json(Delivery("topic", result(3)), ledger, lines.append)
    assert decode_message(lines[0].encode(), "topic") == result(3)
    assert "\n" not in lines[0]
    assert ledger.total().duplicated == 1


def test_a_late_result_is_marked_once() -> None:
    """Whether it waited at the device or filled a gap; must not fire for one in time."""
    waited = msgspec.structs.replace(result(1), late=True)
    lines, _ = shown(waited, result(3), result(2), result(4))
    assert lines[0].endswith("  (late)")
    assert next(line for line in lines if "#2 " in line).endswith("  (late)")
    assert not lines[-1].endswith(")")
