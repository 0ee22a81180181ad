"""What an error looks like on a terminal."""

from edge_agent.common.errors import AgentError, one_line, printable


def test_an_error_stays_one_line() -> None:
    """A newline, an escape sequence or half a character in a name show as escapes."""
    assert one_line(AgentError("a\nb\x1b[2J caf\udce9: é")) == "a\\nb\\x1b[2J caf\\udce9: é"
    assert printable("Kätzchen 图 🐱") == "Kätzchen 图 🐱"


def test_the_systems_own_errors_name_their_place() -> None:
    """File and reason, without the error's number; what has no text has its kind."""
    error = OSError(28, "No space left on device", "/run/x")
    assert one_line(error) == "/run/x: the system refuses: No space left on device"
    assert one_line(OSError(28, "No space left on device")).startswith("the system refuses: No")
    assert one_line(MemoryError()) == "MemoryError"
