"""What a broker keeps of former streams: remembered, bounded, and never another device's."""

import json
from pathlib import Path

import pytest

from edge_agent.contract.topics import Topics
from edge_agent.publish.kept_topics import MAX_REMEMBERED, gone_topics, kept_path, kept_topics

GATE = Topics("gate")


def test_a_stream_or_region_that_is_gone_is_told(tmp_path: Path) -> None:
    """From the next start on; what is still there is not."""
    path = kept_path(tmp_path / "outbox.db")
    assert path.name == "outbox.kept.json"
    assert gone_topics(path, GATE, {"a": (), "c": ("x", "y")}) == ()
    assert gone_topics(path, GATE, {"c": ("y",)}) == (
        "edgeward/gate/stream/a/availability",
        "edgeward/gate/stream/a/snapshot",
        "edgeward/gate/stream/a/state",
        "edgeward/gate/stream/c/state/x",
    )


def test_back_again_it_is_no_former_one(tmp_path: Path) -> None:
    """Must not fire."""
    path = tmp_path / "kept.json"
    for names in ("ab", "b", "ab"):
        gone = gone_topics(path, GATE, dict.fromkeys(names, ()))
    assert gone == ()


def test_another_device_is_left_alone(tmp_path: Path) -> None:
    """Must not fire: of a copied folder, or a device of a new name that another bears now."""
    path = tmp_path / "kept.json"
    gone_topics(path, Topics("gate"), {"a": ()})
    assert gone_topics(path, Topics("gat"), {"b": ()}) == ()


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    """Streams that are renamed every day do not have more and more cleared."""
    for number in range(40):
        gone = gone_topics(tmp_path / "kept.json", GATE, {f"s{number}": ()})
    assert len(gone) == MAX_REMEMBERED
    assert gone[-1] == "edgeward/gate/stream/s38/state"


@pytest.mark.parametrize(
    "found",
    [
        *(b"", b"{}", b"[1]", b"\xff", b"[" * 10000, b'["#"]', b'["edgeward/gate/status"]'),
        *(b'["edgeward/gate/stream/+/state"]', b'["edgeward/gate/stream/a/result"]'),
    ],
)
def test_a_file_of_other_words_clears_nothing(found: bytes, tmp_path: Path) -> None:
    """Neither damage nor what somebody wrote there ends the agent, or clears what is not ours."""
    path = tmp_path / "kept.json"
    path.write_bytes(found)
    assert gone_topics(path, GATE, {"a": ()}) == ()
    assert json.loads(path.read_bytes()) == list(kept_topics(GATE, "a", ()))
