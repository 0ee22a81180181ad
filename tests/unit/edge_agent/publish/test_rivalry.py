"""`Rivalry`: when another agent of the same name is seen, and how long it is given way to."""

import logging
import random

import pytest

from edge_agent.common.backoff import Backoff
from edge_agent.contract.messages import State, StatusMessage, encode_message
from edge_agent.mqtt.values import Received
from edge_agent.publish.rivalry import ANOTHER, CALM_S, CAP_S, FIRST_S, Rivalry

TOPIC = "edgeward/gate/status"


class Scene:
    """A rivalry of boot `us`, its words, and a clock."""

    def __init__(self) -> None:
        self.now_s, self.words = 0.0, list[str]()
        backoff = Backoff(FIRST_S, CAP_S, random.Random(1))
        self.rivalry = Rivalry("gate", "us", self.words.append, backoff, lambda: self.now_s)

    def hear(self, boot: str, state: State = "online", *, kept: bool = False) -> None:
        message = StatusMessage(device="gate", boot=boot, state=state, version="1", streams=())
        self.rivalry.hear(Received(1, 1, TOPIC, encode_message(message), kept))

    def session(self, seconds: float = 1) -> None:
        """Let in, heard by the broker, and for so long undisturbed."""
        self.rivalry.let_in()
        self.rivalry.tick(spoken=True)
        self.now_s += seconds
        self.rivalry.tick(spoken=True)


@pytest.fixture(name="scene")
def _scene() -> Scene:
    return Scene()


def test_a_takeover_is_a_rival_and_the_pauses_grow(scene: Scene) -> None:
    """From seconds to minutes; and what is said is said once."""
    pauses = []
    for _ in range(12):
        scene.session()
        pause_s = scene.rivalry.lost(taken_over=True)
        assert pause_s is not None
        pauses.append(pause_s)
    assert FIRST_S / 2 <= pauses[0] <= FIRST_S
    assert all(CAP_S / 2 <= pause_s <= CAP_S for pause_s in pauses[6:])
    assert len(set(pauses[6:])) > 1
    assert scene.words == [ANOTHER]


def test_the_rival_is_named_once_it_is_seen(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Its start is on the status topic when we come back; the log has one line for each news."""
    with caplog.at_level(logging.INFO, "edge_agent"):
        for _ in range(3):
            scene.session()
            scene.rivalry.lost(taken_over=True)
            scene.hear("them", kept=True)
    assert scene.words == [ANOTHER, f"{ANOTHER}: boot them"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{words} ('gate', here boot us): give each device a name of its own, device.name in "
        "agent.toml; until then they take turns"
        for words in scene.words
    ]


def test_a_broker_that_tells_of_no_takeover_shows_it_by_what_it_keeps(scene: Scene) -> None:
    """MQTT 3.1.1: what we had said was written over, twice."""
    scene.hear("them", kept=True)
    for words in ([], [f"{ANOTHER}: boot them"]):
        scene.session()
        assert scene.rivalry.lost(taken_over=False) is None
        scene.hear("them", kept=True)
        assert scene.words == words
    scene.session()
    assert scene.rivalry.lost(taken_over=False) is not None


def test_a_rivals_last_will_counts_as_its_word(scene: Scene) -> None:
    """A broker that speaks the will of a session that it gives to another."""
    for _ in range(2):
        scene.session()
        scene.rivalry.lost(taken_over=False)
        scene.hear("them", "offline", kept=True)
    assert scene.words == [f"{ANOTHER}: boot them"]


def test_what_is_said_while_we_are_connected_is_proof(scene: Scene) -> None:
    """Another agent behind a bridge, which takes nothing over."""
    scene.session()
    scene.hear("them")
    assert scene.words == [f"{ANOTHER}: boot them"]


def test_our_own_past_is_no_rival(scene: Scene) -> None:
    """Must not fire: our last start's status or will, our own words, a broker's old memory."""
    scene.hear("before", kept=True)
    scene.hear("before", "offline")
    scene.session()
    scene.hear("us")
    scene.rivalry.hear(Received(1, 1, TOPIC, b""))
    scene.rivalry.hear(Received(1, 1, TOPIC, b"online"))
    assert scene.rivalry.lost(taken_over=False) is None
    scene.hear("before", kept=True)  # the broker crashed and has read an old file
    scene.session(CALM_S + 1)
    scene.rivalry.lost(taken_over=False)
    scene.hear("before", kept=True)
    assert scene.words == []


def test_it_is_over_when_nothing_disturbs_any_more(scene: Scene) -> None:
    """Said once; the next one begins with short pauses again."""
    for _ in range(8):
        scene.session()
        scene.rivalry.lost(taken_over=True)
    scene.session(CALM_S + 1)
    scene.rivalry.tick(spoken=True)
    assert scene.words == [ANOTHER, ""]
    assert scene.rivalry.lost(taken_over=False) is None
    scene.session()
    pause_s = scene.rivalry.lost(taken_over=True)
    assert pause_s is not None
    assert pause_s <= FIRST_S


def test_a_broker_that_is_away_is_no_matter_of_the_rival(scene: Scene) -> None:
    """It is looked for as ever, not in minutes."""
    scene.session()
    assert scene.rivalry.lost(taken_over=True) is not None
    assert scene.rivalry.lost(taken_over=False) is None
