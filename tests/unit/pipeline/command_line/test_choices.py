"""What may be chosen on the command line: the values of their homes, refused with their status."""

from enum import StrEnum
from typing import get_args, get_type_hints

import pytest

from edge_agent.bundle.manifest import InputSpec
from edge_agent.common.errors import MessageError
from edge_agent.contract.commands import LogLevel as DeviceLogLevel
from edge_agent.contract.commands import Verb as DeviceVerb
from edge_agent.tasks.ocr.crops import CropRecord
from pipeline.command_line.choices import (
    CropState,
    LogLevel,
    Method,
    Resize,
    Verb,
    completion,
    metavar,
    parser,
)
from pipeline.common.errors import DataError
from quantization.recipe import QuantRecipe


@pytest.mark.parametrize(
    ("kind", "home"),
    [
        (Method, get_type_hints(QuantRecipe)["calibration"]),
        (Resize, get_type_hints(InputSpec)["resize"]),
        (Verb, DeviceVerb),
        (LogLevel, DeviceLogLevel),
    ],
)
def test_the_choices_are_those_of_the_value(kind: type[StrEnum], home: object) -> None:
    """What a recipe, a bundle or a device takes is what the command line offers."""
    assert {str(value) for value in kind} == set(get_args(home))


def test_crops_are_of_the_states_that_are_not_accepted() -> None:
    """An agent keeps what it held or rejected."""
    states = get_args(get_type_hints(CropRecord)["state"])
    assert {str(value) for value in CropState} == {*states} - {"accepted"}


def test_a_choice_is_shown_and_completed() -> None:
    """A help lists all values, a shell those that begin like the word."""
    assert metavar(Resize) == "{stretch|crop|letterbox}"
    assert completion(Verb)("re") == ["resume", "restart"]
    assert completion(Verb)("x") == []


def test_a_value_that_is_none_of_them_is_refused_by_its_subject() -> None:
    """A method with the data's error, a verb with the message's; a long word is cut."""
    assert parser(Method)("auto") is Method.AUTO
    with pytest.raises(DataError, match=r"^method: expected minmax, .*, auto, found 'guess'$"):
        parser(Method)("guess")
    with pytest.raises(MessageError, match=r"^expected one of describe, .*, found 'x{64}'$"):
        parser(Verb)("x" * 1000)
    with pytest.raises(MessageError, match=r"^set: log_level: expected debug, .*, found 'loud'$"):
        parser(LogLevel)("loud")
