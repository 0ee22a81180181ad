"""`Drain`: what is sent in which order, what an answer settles, and what is given up."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.scripted_session import ScriptedSession

from edge_agent.common.errors import BrokerError, DiskFullError
from edge_agent.mqtt.values import (
    Acked,
    ConnectionLost,
    Options,
    Received,
    Refused,
    TakenOverError,
    Wake,
)
from edge_agent.outbox import outbox as outbox_module
from edge_agent.outbox.outbox import Lane, Outbox
from edge_agent.publish.drain import Drain, OneShot
from edge_agent.publish.retained import RetainedStates
from edge_agent.publish.schedule import Schedule, StoredOrder


class Scene:
    """A drain of a scripted session, and all that it works on."""

    def __init__(self, outbox: Outbox, session: ScriptedSession) -> None:
        self.outbox, self.session = outbox, session
        self.states, self.said = RetainedStates(), deque[OneShot]()
        self.heard: list[Received] = []
        turns: Schedule = StoredOrder(outbox, session.window)
        self.drain = Drain(
            session.as_session(), outbox, self.states, self.said, self.heard.append, turns
        )

    def store(self, count: int, stream: str = "a") -> None:
        for _ in range(count):
            self.outbox.append(stream, "t", lambda seq: b"%d" % seq)

    def step(self, *events: Acked | Refused | Received | ConnectionLost) -> bool:
        self.session.happen(*(events or (Wake(),)))
        return self.drain.step()

    @property
    def sent(self) -> list[bytes]:
        return [one.payload for one in self.session.sent]

    @property
    def waiting(self) -> list[int]:
        return [row.id for row in self.outbox.pending(0, 99)]


@pytest.fixture(name="make")
def _make(tmp_path: Path) -> Iterator[Callable[..., Scene]]:
    """Makes the scene; the outbox has a lane whose results expire."""
    with Outbox(tmp_path / "o.db", lanes={"brief": Lane(expires_s=60)}) as outbox:
        yield lambda **session: Scene(outbox, ScriptedSession(**session))


@pytest.fixture(name="scene")
def _scene(make: Callable[..., Scene]) -> Scene:
    return make()


def test_states_go_first_then_what_is_said_then_results(scene: Scene) -> None:
    """Each with what goes with it: kept, its question's number, its expiry or nothing."""
    scene.store(1)
    scene.store(1, "brief")
    scene.said.append(OneShot("answer", b"yes", b"7"))
    scene.states.put("status", b"online")
    scene.step()
    assert [(one.topic, one.payload, one.options) for one in scene.session.sent] == [
        ("status", b"online", Options(retain=True)),
        ("answer", b"yes", Options(correlation=b"7")),
        ("t", b"1", None),
        ("t", b"1", Options(expires_s=60)),
    ]


def test_no_more_is_in_flight_than_the_window(make: Callable[..., Scene]) -> None:
    """An answer makes room for one; the session need not be woken while there is none."""
    scene = make(window=3)
    scene.store(9)
    scene.step()
    assert scene.sent == [b"1", b"2", b"3"]
    assert scene.session.busy
    scene.step(Acked(2))
    assert scene.sent == [b"1", b"2", b"3"]
    scene.step(Acked(1))
    assert scene.sent == [b"1", b"2", b"3", b"4"]
    scene.step()
    assert scene.sent == [b"1", b"2", b"3", b"4", b"5"]


def test_while_there_is_room_the_session_is_to_be_woken(scene: Scene) -> None:
    """What is stored next must not wait for an answer to something else."""
    scene.session.busy = True
    scene.store(3)
    scene.step()
    assert not scene.session.busy


def test_states_and_words_keep_to_the_window_too(make: Callable[..., Scene]) -> None:
    """What has no place now has it after an answer, in its order."""
    scene = make(window=1)
    scene.store(1)
    scene.said += [OneShot("answer", b"yes", None), OneShot("answer", b"no", None)]
    scene.states.put("one", b"1.")
    scene.states.put("two", b"2.")
    for mid in range(1, 6):
        scene.step(Acked(mid))
    assert scene.sent == [b"1.", b"2.", b"yes", b"no", b"1"]


def test_a_result_is_forgotten_once_it_is_acknowledged(scene: Scene) -> None:
    """Not before, and none beside it; in one transaction when nothing is in flight any more."""
    scene.store(3)
    assert scene.step() is False
    assert scene.waiting == [1, 2, 3]
    assert scene.step(Acked(1), Acked(3)) is True
    assert scene.waiting == [1, 2, 3]
    assert scene.step(Acked(2)) is True
    assert scene.waiting == []


def test_many_are_forgotten_before_the_last_is_acknowledged(make: Callable[..., Scene]) -> None:
    """As soon as a window of them is there: a crash repeats no more."""
    scene = make(window=4)
    scene.store(10)
    scene.step()
    scene.step(Acked(1), Acked(2), Acked(4))
    assert scene.waiting == [*range(1, 11)]
    scene.step(Acked(3))
    assert scene.waiting == [*range(5, 11)]


def test_a_refused_result_stays_between_acknowledged_ones(scene: Scene) -> None:
    """Forgetting it would be a silent loss: the session ends with the broker's reason."""
    scene.store(3)
    with pytest.raises(BrokerError, match=r"^the broker refuses a message on t: no room$"):
        scene.step(Acked(1), Refused(2, "no room"), Acked(3))
    assert scene.waiting == [2]


def test_the_end_of_a_session_settles_what_came_before_it(scene: Scene) -> None:
    """Acknowledged is acknowledged; the reason is the connection's."""
    scene.store(2)
    with pytest.raises(BrokerError, match=r"^gone$") as caught:
        scene.step(Acked(1), Acked(2), ConnectionLost("gone"))
    assert not isinstance(caught.value, TakenOverError)
    assert scene.waiting == []


def test_a_takeover_is_told_from_a_loss(scene: Scene) -> None:
    """Another client under our name is no reason to hurry back."""
    with pytest.raises(TakenOverError, match=r"^taken$"):
        scene.step(ConnectionLost("taken", taken_over=True))


def test_a_refusal_is_the_reason_also_if_the_session_ends_over_it(scene: Scene) -> None:
    """The loss that follows says less."""
    scene.store(1)
    with pytest.raises(BrokerError, match="refuses a message on t: forbidden"):
        scene.step(Refused(1, "forbidden"), ConnectionLost("gone"))


def test_a_refused_state_holds_up_no_result(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does a refused answer: each is one line in the log, and counts as dealt with."""
    scene.store(1)
    scene.states.put("status", b"online")
    scene.said.append(OneShot("answer", b"yes", None))
    scene.step(Refused(1, "forbidden"), Refused(2, "forbidden"), Acked(3))
    assert (scene.states.unsettled(), scene.waiting) == ([], [])
    assert caplog.messages == [
        f"the broker refuses a message on {topic}: forbidden" for topic in ("status", "answer")
    ]
    scene.step()
    assert len(scene.sent) == 3


def test_what_arrives_is_acknowledged_and_handed_on(scene: Scene) -> None:
    """It is no sign that the broker takes results."""
    scene.store(1)
    message = Received(9, 1, "command", b"{}")
    assert scene.step(message) is False
    assert (scene.session.acked, scene.heard) == ([message], [message])


def test_the_broker_does_its_work_if_it_takes_results_or_none_wait(scene: Scene) -> None:
    """One that takes states and refuses results does not."""
    scene.states.put("status", b"online")
    assert scene.step(Acked(1)) is True
    assert scene.step() is False
    scene.store(1)
    scene.states.put("status", b"offline")
    scene.step()
    assert scene.step(Acked(2)) is False
    assert scene.step(Acked(3)) is True


def test_a_state_in_flight_is_not_sent_twice_and_a_newer_one_is(scene: Scene) -> None:
    """Only the newest one's acknowledgement settles the topic."""
    scene.states.put("status", b"old")
    scene.step()
    scene.step()
    assert scene.sent == [b"old"]
    scene.states.put("status", b"new")
    scene.step(Acked(1))
    assert scene.sent == [b"old", b"new"]
    assert [state.payload for state in scene.states.unsettled()] == [b"new"]
    scene.step(Acked(2))
    assert scene.states.unsettled() == []


def test_what_is_longer_than_the_broker_takes_is_given_up(
    make: Callable[..., Scene], caplog: pytest.LogCaptureFixture
) -> None:
    """A state until the next connection, an answer for good, a result counted as evicted.

    Then nothing is waited for: what comes behind it has its turn at once.
    """
    scene = make(longest=4)
    scene.states.put("status", b"online")
    scene.said.append(OneShot("answer", b"yes", b"12"))
    scene.outbox.append("a", "t", lambda seq: b"12345")
    scene.store(1)
    assert scene.drain.step() is False
    assert scene.sent == [b"2"]
    assert (scene.states.unsettled(), scene.waiting) == ([], [2])
    assert scene.outbox.evictions() == {"a": 1}
    found = "expected packets of at most 4 bytes, as the broker says, found a payload of"
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"status: {found} 6; it is not sent"),
        (logging.WARNING, f"answer: {found} 3; it is not sent"),
        (logging.ERROR, f"t: {found} 5; the result is given up"),
    ]
    assert scene.step(Acked(1)) is True
    assert scene.waiting == []


def test_on_a_full_disk_what_is_too_long_stays(
    make: Callable[..., Scene],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its loss could not be counted: it is left to the next connection."""

    def refuse(*_: object) -> None:
        raise DiskFullError("the disk is full")

    scene = make(longest=4)
    scene.outbox.append("a", "t", lambda seq: b"12345")
    monkeypatch.setattr(outbox_module, "write_counts", refuse)
    assert scene.drain.step() is False
    assert scene.waiting == [1]
    assert caplog.messages[-1] == (
        "t: expected packets of at most 4 bytes, as the broker says, found a payload of 5; "
        "the disk is full: the result stays until the next connection"
    )


def test_a_result_that_waited_since_before_this_start_is_sent_as_late(tmp_path: Path) -> None:
    """The word for it stands at the end of an encoded result; one that is new says it is not."""
    encoded = b'{"result":1,"late":false}'
    with Outbox(tmp_path / "late.db") as outbox:
        outbox.append("a", "t", lambda seq: encoded)
    with Outbox(tmp_path / "late.db") as outbox:
        outbox.append("a", "t", lambda seq: encoded)
        scene = Scene(outbox, ScriptedSession())
        scene.step()
        assert scene.sent == [b'{"result":1,"late":true}', encoded]
