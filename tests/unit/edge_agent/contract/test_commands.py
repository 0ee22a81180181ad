"""Which settings go together in one command: each of them alone, and every pair that may not."""

from typing import Any

import pytest

from edge_agent.common.errors import MessageError
from edge_agent.contract.commands import MAX_PAYLOAD_BYTES, SetCommand, decode_command

PLACE = {"stream": "door", "region": "water"}


@pytest.mark.parametrize(
    "fields",
    [
        {"interval_s": 1.0},
        {"interval_s": 0.0},
        {"interval_s": 86_400.0},
        {"log_level": "debug"},
        {"interval_s": 1.0, "log_level": "debug"},
        {"stream": "door", "interval_s": 1.0},
        {"stream": "door", "log_level": "debug"},
        {**PLACE, "value": 12.5},
        {**PLACE, "value": 0.0},  # what a meter shows that is new
        {**PLACE, "reset": True},
        {**PLACE, "value": 12.5, "interval_s": 1.0},
        {**PLACE, "reset": True, "log_level": "info"},
    ],
)
def test_every_setting_may_be_told_alone(fields: dict[str, Any]) -> None:
    """Must not fire: one setting is enough, and none needs another that it does not name."""
    made = SetCommand(**fields)
    assert {name: getattr(made, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "^expected interval_s or log_level, found neither, nor value or reset of a region$"),
        ({"stream": "door"}, "^expected interval_s or log_level, found neither"),
        ({"reset": False}, "^expected interval_s or log_level, found neither"),
        ({**PLACE, "value": 1.0, "reset": True}, "^expected value or reset, found both$"),
        ({"value": 1.0, "reset": True}, "^expected value or reset, found both$"),
        ({"value": 0.0}, "^expected stream and region with value or reset$"),
        ({"reset": True}, "^expected stream and region with value or reset$"),
        ({"stream": "door", "value": 1.0}, "^expected stream and region with value or reset$"),
        ({"region": "water", "value": 1.0}, "^expected stream and region with value or reset$"),
        ({"region": "water", "reset": True}, "^expected stream and region with value or reset$"),
        ({"stream": "door", "reset": True}, "^expected stream and region with value or reset$"),
        (PLACE, "^expected value or reset with region, found neither$"),
        ({"region": "water"}, "^expected value or reset with region, found neither$"),
        ({"region": "water", "interval_s": 1.0}, "^expected value or reset with region"),
        ({**PLACE, "log_level": "debug"}, "^expected value or reset with region"),
    ],
)
def test_what_would_do_nothing_or_two_things_is_refused(
    fields: dict[str, Any], reason: str
) -> None:
    """Must fire: a meter is set where its stream and region are both told, and never by chance."""
    with pytest.raises(ValueError, match=reason):
        SetCommand(**fields)


def test_the_longest_command_is_decoded_and_a_longer_one_not_looked_at() -> None:
    """The bound itself is allowed."""
    longest = b'{"interval_s":1}'.ljust(MAX_PAYLOAD_BYTES)
    assert decode_command("set", longest) == SetCommand(interval_s=1)
    with pytest.raises(MessageError, match=r"^set: expected at most 4096 bytes, found 4097$"):
        decode_command("set", longest + b" ")
