"""TOML decoded strictly: what editors do to files, and what mistakes look like."""

from typing import Literal

import msgspec
import pytest

from edge_agent.common.toml import decode_toml


class Inner(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    depth: int = 0
    turn: Literal[0, 90] = 0


class LampA(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag_field="kind", tag="a"):
    pin: int = 0


class LampB(msgspec.Struct, forbid_unknown_fields=True, frozen=True, tag_field="kind", tag="b"):
    mode: Literal["auto", "on"] | int = "on"


class Outer(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    inner: Inner | None = None
    many: tuple[Inner, ...] = msgspec.field(default=(), name="several")
    lamp: tuple[LampA | LampB, ...] = ()


@pytest.mark.parametrize("text", [b'\xef\xbb\xbfname = "a"', b'name = "a"\r\n', b'name="a"'])
def test_what_windows_editors_write_is_read(text: bytes) -> None:
    """A byte order mark and carriage returns change nothing."""
    assert decode_toml(text, Outer) == Outer("a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('nam = "a"', "unknown key 'nam', expected one of name, inner, several, lamp"),
        ('name = "a"\ninner.deep = 1', "unknown key 'deep' in inner, expected one of depth, turn"),
        (
            'name = "a"\nseveral = [{ x = 1 }]',
            "unknown key 'x' in several[0], expected one of depth, turn",
        ),
        (
            'name = "a"\ninner.turn = 45',
            "expected one of 0, 90, found 45 - at `$.inner.turn`",
        ),
        (
            'name = "a"\nlamp = [{ kind = "c" }]',
            "expected one of a, b, found 'c' - at `$.lamp[0].kind`",
        ),
        (
            'name = "a"\nlamp = [{ kind = "a", pn = 1 }]',
            "unknown key 'pn' in lamp[0], expected one of pin",
        ),
        (
            'name = "a"\nlamp = [{ kind = "b", mode = "x" }]',
            "expected one of auto, on, a number, found 'x' - at `$.lamp[0].mode`",
        ),
        ("inner.depth = 1", "Object missing required field `name`"),
        ("name = 1", "Expected `str`, got `int` - at `$.name`"),
        ("name = " + "[" * 5000, "expected TOML, found one nested too deeply"),
        ("name = " + "1" * 5000, "Exceeds the limit"),
        ("\x00", "Invalid statement"),
    ],
)
def test_a_mistake_is_one_sentence(text: str, message: str) -> None:
    """Where it stands, what was expected, what was found."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        decode_toml(text.encode(), Outer)
    assert str(caught.value).startswith(message)


def test_what_is_not_utf_8_is_said_so() -> None:
    """TOML is UTF-8; the message says where it is not."""
    with pytest.raises(ValueError, match="can't decode byte 0xe9 in position 10"):
        decode_toml(b'name = "ca\xe9"', Outer)
