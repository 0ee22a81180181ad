"""Former announcements: remembered, bounded, and never somebody else's topic."""

import json
from pathlib import Path

import pytest

from edge_agent.homeassistant.announced import (
    MAX_REMEMBERED,
    MEMORY_FILE,
    announced_device,
    former_topics,
)
from edge_agent.homeassistant.discovery import discovery_topic


def topic(prefix: str) -> str:
    return f"{prefix}/device/edgeward-gate/config"


def test_what_was_announced_elsewhere_is_told_from_then_on(tmp_path: Path) -> None:
    """Whether it could be cleared nobody knows: it is told at every start."""
    assert former_topics(tmp_path, topic("a")) == ()
    assert former_topics(tmp_path, topic("a")) == ()
    assert former_topics(tmp_path, topic("b")) == (topic("a"),)
    assert former_topics(tmp_path, topic("b")) == (topic("a"),)


def test_back_where_it_was_it_is_no_former_one(tmp_path: Path) -> None:
    """Must not fire: what is announced now is not cleared."""
    for prefix in "aba":
        former = former_topics(tmp_path, topic(prefix))
    assert former == (topic("b"),)


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    """A device that is renamed every day does not clear more and more."""
    for number in range(20):
        former = former_topics(tmp_path, topic(f"p{number}"))
    assert former == tuple(topic(f"p{n}") for n in range(20 - MAX_REMEMBERED, 19))


@pytest.mark.parametrize(
    "found", [b"", b"{}", b"[1]", b"\xff", b"[" * 10000, b'["edgeward/gate/status"]', b'["#"]']
)
def test_a_file_of_other_words_clears_nothing(found: bytes, tmp_path: Path) -> None:
    """Neither damage nor what somebody wrote there ends the agent, or clears what is not ours."""
    (tmp_path / MEMORY_FILE).write_bytes(found)
    assert former_topics(tmp_path, topic("a")) == ()
    assert json.loads((tmp_path / MEMORY_FILE).read_bytes()) == [topic("a")]


def test_a_folder_that_cannot_be_written_to_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no reason to end."""
    caplog.set_level("WARNING", "edge_agent")
    (tmp_path / "file").write_text("")
    assert former_topics(tmp_path / "file" / "folder", topic("a")) == ()
    assert "a former announcement may stay" in caplog.text


@pytest.mark.parametrize("name", ["gate", "garage.pi", "a_b-c.d.e"])
def test_an_announcement_says_whose_it_is(name: str) -> None:
    """The way back from the topic; what is none is nobody's."""
    assert announced_device(discovery_topic("my/home", name)) == name
    assert announced_device(f"edgeward/{name}/stream/front/state") is None
