"""`MqttPublisher` from one session to the next: what is said again, and how long it waits."""

import logging
import queue
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest
from support.brokers import wait_until
from support.scripted_session import ScriptedSession

from edge_agent.common.backoff import Backoff
from edge_agent.common.errors import BrokerError
from edge_agent.mqtt.dialer import Dialer
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.mqtt.session import Session
from edge_agent.mqtt.values import Acked, ConnectionLost, Received, Refused
from edge_agent.outbox.outbox import Outbox
from edge_agent.publish.publisher import MAX_SAID, MqttPublisher
from edge_agent.publish.rivalry import Rivalry


class ScriptedDialer:
    """Gives the sessions that a test hands it, in order; waits for the next one."""

    broker = Broker(parse_endpoint("mqtt://broker.example"))

    def __init__(self) -> None:
        self._sessions: queue.SimpleQueue[ScriptedSession | BrokerError] = queue.SimpleQueue()

    def hand(self, *sessions: ScriptedSession | BrokerError) -> None:
        """What the next attempts give, or fail with."""
        for session in sessions:
            self._sessions.put(session)

    def dial(self) -> Session:
        """As `Dialer.dial`."""
        try:
            session = self._sessions.get(timeout=60)
        except queue.Empty:
            raise BrokerError("no session was handed") from None
        if isinstance(session, BrokerError):
            raise session
        return session.as_session()


class Waits(Backoff):
    """No delay at all, and every call of it."""

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, random.Random(0))
        self.calls: list[str] = []

    def next(self) -> float:
        """As `Backoff.next`."""
        self.calls.append("next")
        return 0.0

    def reset(self) -> None:
        """As `Backoff.reset`."""
        self.calls.append("reset")


class Scene:
    """A publisher on scripted sessions."""

    def __init__(self, outbox: Outbox, rivalry: Rivalry | None = None) -> None:
        self.dialer, self.waits, self.outbox = ScriptedDialer(), Waits(), outbox
        self.broken: list[BaseException] = []
        self.publisher = MqttPublisher(
            cast("Dialer", self.dialer), outbox, self.broken.append, self.waits, rivalry=rivalry
        )

    def connect(self, session: ScriptedSession) -> ScriptedSession:
        """Hand out `session`, and wait until it is the publisher's."""
        before = self.publisher.connections
        self.dialer.hand(session)
        wait_until(lambda: self.publisher.connections > before, "the session is there")
        return session

    def lose(self, session: ScriptedSession) -> None:
        """End `session`, and wait until the publisher has let go of it."""
        session.happen(ConnectionLost("gone"))
        wait_until(lambda: bool(session.closed), "the session is closed")


@pytest.fixture(name="scene")
def _scene(tmp_path: Path) -> Iterator[Scene]:
    with Outbox(tmp_path / "o.db") as outbox:
        scene = Scene(outbox)
        with scene.publisher:
            yield scene
        assert scene.broken == []


def sent(session: ScriptedSession, count: int) -> list[bytes]:
    """The first so many payloads, once they are sent; no more come soon."""
    wait_until(lambda: len(session.sent) >= count, f"{count} are sent")
    return [one.payload for one in session.sent]


def answer(session: ScriptedSession, count: int) -> None:
    """Acknowledge the first so many."""
    sent(session, count)
    session.happen(*(Acked(one.mid) for one in session.sent[:count]))


def test_every_state_is_said_again_in_the_next_session(scene: Scene) -> None:
    """A broker may have forgotten it: also what was confirmed."""
    first = scene.connect(ScriptedSession())
    scene.publisher.retain("one", b"1")
    scene.publisher.retain("two", b"2")
    answer(first, 2)
    assert scene.publisher.flush(10)
    scene.lose(first)
    second = scene.connect(ScriptedSession())
    assert sent(second, 2) == [b"1", b"2"]
    answer(second, 2)
    assert scene.publisher.flush(10)


def test_states_are_said_again_when_asked_for(scene: Scene) -> None:
    """In the same session, all of them, at once."""
    session = scene.connect(ScriptedSession())
    scene.publisher.retain("one", b"1")
    answer(session, 1)
    assert scene.publisher.flush(10)
    scene.publisher.renew()
    assert sent(session, 2) == [b"1", b"1"]


def test_an_answer_is_for_the_session_of_its_question(scene: Scene) -> None:
    """Without a session it is not kept; what a session leaves unsaid the next does not say."""
    scene.publisher.say("answer", b"nobody asked")
    first = scene.connect(ScriptedSession(window=1))
    scene.publisher.say("answer", b"1")
    assert sent(first, 1) == [b"1"]
    scene.publisher.say("answer", b"2")
    scene.lose(first)
    second = scene.connect(ScriptedSession())
    scene.publisher.say("answer", b"3")
    assert sent(second, 1) == [b"3"]


def test_of_many_answers_the_newest_wait(scene: Scene) -> None:
    """A broker that takes nothing must not fill the memory."""
    session = scene.connect(ScriptedSession(window=1))
    scene.publisher.say("answer", b"first")
    assert sent(session, 1) == [b"first"]
    for number in range(MAX_SAID + 1):
        scene.publisher.say("answer", b"%d" % number)
    answer(session, 1)
    assert sent(session, 2) == [b"first", b"1"]


def test_what_is_stored_wakes_a_session_that_is_not_busy(scene: Scene) -> None:
    """And counts by itself: the number is the stream's next."""
    session = scene.connect(ScriptedSession())
    assert [scene.publisher.publish("a", "t", lambda seq: b"%d" % seq) for _ in range(2)] == [1, 2]
    assert sent(session, 2) == [b"1", b"2"]
    assert not scene.publisher.flush(0.05)
    answer(session, 2)
    assert scene.publisher.flush(10)


def test_what_comes_goes_to_the_first_who_listens_there(scene: Scene) -> None:
    """By filter, in the order of listening; what nobody wants goes nowhere."""
    heard: list[tuple[str, str]] = []

    def hear(who: str) -> Callable[[Received], None]:
        return lambda message: heard.append((who, message.topic))

    scene.publisher.listen(["a/+", "b"], hear("one"))
    scene.publisher.listen(["a/b", "c"], hear("two"))
    session = scene.connect(ScriptedSession())
    for mid, topic in enumerate(("a/b", "c", "d", "b")):
        session.happen(Received(mid, 1, topic, b""))
    wait_until(lambda: len(heard) == 3, "all is heard")
    assert heard == [("one", "a/b"), ("two", "c"), ("one", "b")]
    assert session.subscribed == ["a/+", "b", "a/b", "c"]
    assert len(session.acked) == 4


def test_nothing_is_subscribed_to_where_nobody_listens(scene: Scene) -> None:
    """A broker's rules may forbid it."""
    assert scene.connect(ScriptedSession()).subscribed == []


def test_commands_that_are_forbidden_stop_no_result(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log; the session goes on."""
    scene.publisher.listen(["commands"], lambda message: None)
    session = scene.connect(ScriptedSession(closed_topics=["commands"]))
    scene.publisher.publish("a", "t", lambda seq: b"result")
    assert sent(session, 1) == [b"result"]
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["may not subscribe to commands: what comes there is not heard"]


def test_only_a_broker_that_works_shortens_the_waits(scene: Scene) -> None:
    """Reached is not enough: the waits begin anew with an acknowledged result."""
    scene.publisher.publish("a", "t", lambda seq: b"result")
    scene.dialer.hand(BrokerError("nobody"))
    refusing = scene.connect(ScriptedSession())
    sent(refusing, 1)
    refusing.happen(Refused(1, "forbidden"))
    wait_until(lambda: len(scene.waits.calls) == 2, "two waits")
    assert scene.waits.calls == ["next", "next"]
    working = scene.connect(ScriptedSession())
    answer(working, 1)
    assert scene.publisher.flush(10)
    scene.lose(working)
    wait_until(lambda: len(scene.waits.calls) == 4, "the fourth call")
    assert scene.waits.calls == ["next", "next", "reset", "next"]


def test_the_will_is_spoken_unless_all_states_are_confirmed(tmp_path: Path) -> None:
    """What the broker says of us is right then; of a lost session it may not be."""
    with Outbox(tmp_path / "o.db") as outbox:
        scene = Scene(outbox)
        with scene.publisher:
            lost = scene.connect(ScriptedSession())
            scene.lose(lost)
            left = scene.connect(ScriptedSession())
            scene.publisher.retain("status", b"offline")
            answer(left, 1)
            assert scene.publisher.flush(10)
        assert (lost.closed, left.closed) == ([True], [False])
    with Outbox(tmp_path / "o.db") as outbox:
        scene = Scene(outbox)
        with scene.publisher:
            unsure = scene.connect(ScriptedSession())
            scene.publisher.retain("status", b"offline")
            sent(unsure, 1)
        assert unsure.closed == [True]


def test_what_breaks_the_thread_is_told(tmp_path: Path) -> None:
    """An error of the outbox's disk is nobody's to repair here."""
    outbox = Outbox(tmp_path / "o.db")
    scene = Scene(outbox)
    outbox.close()
    with scene.publisher:
        scene.dialer.hand(ScriptedSession())
        wait_until(lambda: bool(scene.broken), "the thread is broken")
    assert "closed database" in str(scene.broken[0])
