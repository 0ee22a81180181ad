"""TOML decoded strictly: what editors do to files, and what mistakes look like."""

import msgspec
import pytest

from edge_agent.common.toml import decode_toml


class Inner(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    depth: int = 0


class Outer(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    name: str
    inner: Inner | None = None
    many: tuple[Inner, ...] = msgspec.field(default=(), name="several")


@pytest.mark.parametrize("text", [b'\xef\xbb\xbfname = "a"', b'name = "a"\r\n', b'name="a"'])
def test_what_windows_editors_write_is_read(text: bytes) -> None:
    """A byte order mark and carriage returns change nothing."""
    assert decode_toml(text, Outer) == Outer("a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('nam = "a"', "unknown key 'nam', expected one of name, inner, several"),
        ('name = "a"\ninner.deep = 1', "unknown key 'deep' in inner, expected one of depth"),
        ('name = "a"\nseveral = [{ x = 1 }]', "unknown key 'x' in several[0]"),
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
