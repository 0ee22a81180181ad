"""Former announcements: remembered, bounded, and never somebody else's topic."""

import json
from pathlib import Path

import pytest

from edge_agent.homeassistant.discovery import discovery_topic
from edge_agent.homeassistant.former import (
    MAX_REMEMBERED,
    SHARED_FILE,
    announced_device,
    announced_path,
    former_topics,
)


def topic(prefix: str) -> str:
    return f"{prefix}/device/edgeward-gate/config"


def test_what_was_announced_elsewhere_is_told_from_then_on(tmp_path: Path) -> None:
    """Whether it could be cleared nobody knows: it is told at every start."""
    assert former_topics(announced_path(tmp_path / "outbox.db"), topic("a")) == ()
    assert former_topics(announced_path(tmp_path / "outbox.db"), topic("a")) == ()
    assert former_topics(announced_path(tmp_path / "outbox.db"), topic("b")) == (topic("a"),)
    assert former_topics(announced_path(tmp_path / "outbox.db"), topic("b")) == (topic("a"),)


def test_back_where_it_was_it_is_no_former_one(tmp_path: Path) -> None:
    """Must not fire: what is announced now is not cleared."""
    for prefix in "aba":
        former = former_topics(announced_path(tmp_path / "outbox.db"), topic(prefix))
    assert former == (topic("b"),)


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    """A device that is renamed every day does not clear more and more."""
    for number in range(20):
        former = former_topics(announced_path(tmp_path / "outbox.db"), topic(f"p{number}"))
    assert former == tuple(topic(f"p{n}") for n in range(20 - MAX_REMEMBERED, 19))


@pytest.mark.parametrize(
    "found", [b"", b"{}", b"[1]", b"\xff", b"[" * 10000, b'["edgeward/gate/status"]', b'["#"]']
)
def test_a_file_of_other_words_clears_nothing(found: bytes, tmp_path: Path) -> None:
    """Neither damage nor what somebody wrote there ends the agent, or clears what is not ours."""
    announced_path(tmp_path / "outbox.db").write_bytes(found)
    assert former_topics(announced_path(tmp_path / "outbox.db"), topic("a")) == ()
    assert json.loads(announced_path(tmp_path / "outbox.db").read_bytes()) == [topic("a")]


def test_a_folder_that_cannot_be_written_to_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no reason to end."""
    caplog.set_level("WARNING", "edge_agent")
    (tmp_path / "file").write_text("")
    assert (
        former_topics(announced_path(tmp_path / "file" / "folder" / "outbox.db"), topic("a")) == ()
    )
    assert "a former announcement may stay" in caplog.text


@pytest.mark.parametrize("name", ["gate", "garage.pi", "a_b-c.d.e"])
def test_an_announcement_says_whose_it_is(name: str) -> None:
    """The way back from the topic; what is none is nobody's."""
    assert announced_device(discovery_topic("my/home", name)) == name
    assert announced_device(f"edgeward/{name}/stream/front/state") is None


def test_agents_in_one_folder_do_not_know_of_each_other(tmp_path: Path) -> None:
    """Must not fire: what another outbox remembers is its agent's, and it may be off just now."""
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    for _ in range(2):
        assert former_topics(announced_path(one), discovery_topic("ha", "one")) == ()
        assert former_topics(announced_path(other), discovery_topic("ha", "other")) == ()


def test_what_a_version_before_remembered_is_taken_over_where_it_is_ours(tmp_path: Path) -> None:
    """Of a file that agents in one folder shared only what bears the device's own name."""
    shared = [topic("a"), discovery_topic("a", "other"), topic("b")]
    (tmp_path / SHARED_FILE).write_text(json.dumps(shared))
    path = announced_path(tmp_path / "outbox.db")
    assert former_topics(path, topic("b")) == (topic("a"),)
    assert former_topics(path, topic("c")) == (topic("a"), topic("b"))
    elsewhere = announced_path(tmp_path / "third.db")
    assert former_topics(elsewhere, discovery_topic("a", "third")) == ()
