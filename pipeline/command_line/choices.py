"""What may be chosen on `edgeward`'s command line, as the help lists it and a shell completes it.

The values are those of the recipe, the bundle and the device's commands, which would have to be
loaded for every `--help`; `tests/unit/pipeline/command_line` holds them together. A value that is
none of them is refused with the status of what it is about, as the same value in a file is.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeVar

import typer

from edge_agent.common.errors import MessageError
from pipeline.common.errors import DataError

E = TypeVar("E", bound=StrEnum)


class Method(StrEnum):
    """How the range of a value is found: `quantize.calibration` of a recipe."""

    MINMAX = "minmax"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"
    MSE = "mse"
    AUTO = "auto"


class Resize(StrEnum):
    """How a picture is brought to the network's size: `input.resize` of a recipe."""

    STRETCH = "stretch"
    CROP = "crop"
    LETTERBOX = "letterbox"


class Verb(StrEnum):
    """What a device may be told to do."""

    DESCRIBE = "describe"
    SNAPSHOT = "snapshot"
    PAUSE = "pause"
    RESUME = "resume"
    SET = "set"
    RESTART = "restart"


class LogLevel(StrEnum):
    """How much an agent says in its log."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Action(StrEnum):
    """What `edgeward weights` does."""

    LIST = "list"
    FETCH = "fetch"
    VERIFY = "verify"
    IMPORT = "import"


class CropState(StrEnum):
    """Why an agent kept a crop."""

    HELD = "held"
    REJECTED = "rejected"


def option(kind: type[E], flag: str, text: str) -> Any:
    """An option that takes one of `kind`, shown, completed and parsed as such."""
    return typer.Option(
        flag, metavar=metavar(kind), help=text, parser=parser(kind), autocompletion=completion(kind)
    )


def argument(kind: type[E], text: str) -> Any:
    """An argument that takes one of `kind`, likewise; its name stands in the usage."""
    return typer.Argument(
        metavar=kind.__name__.upper(),
        help=text,
        parser=parser(kind),
        autocompletion=completion(kind),
    )


def metavar(kind: type[StrEnum]) -> str:
    """The values of `kind` as a help shows them: `{a|b|c}`."""
    return f"{{{'|'.join(kind)}}}"


def completion(kind: type[StrEnum]) -> Callable[[str], list[str]]:
    """What a shell may offer for the beginning of a word."""

    def offered(incomplete: str) -> list[str]:
        return [value for value in kind if value.startswith(incomplete)]

    return offered


def parser(kind: type[E]) -> Callable[[str], E]:
    """From a word to a member of `kind`.

    Raises (the function returned):
        DataError: it is no `Method` or `Resize`.
        MessageError: it is no `Verb` or `LogLevel`.
        typer.BadParameter: it is no `CropState` or `Action`.
    """

    def parsed(word: str) -> E:
        if word in list(kind):
            return kind(word)
        raise _refusal(kind, word)

    return parsed


def _refusal(kind: type[StrEnum], word: str) -> Exception:
    if kind in (CropState, Action):
        return typer.BadParameter(f"expected {' or '.join(kind)}, found {word}")
    found = f"{', '.join(kind)}, found {word[:64]!r}"
    if kind is Verb:
        return MessageError(f"expected one of {found}")
    if kind is LogLevel:
        return MessageError(f"set: log_level: expected {found}")
    return DataError(f"{kind.__name__.lower()}: expected {found}")
