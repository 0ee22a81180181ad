"""`Stillness`: what is the same for too long is told."""

from edge_agent.common.stillness import Stillness


def test_the_same_content_for_too_long_is_told() -> None:
    """Up to the limit it is believed; how long it lasts is said."""
    still = Stillness(10)
    assert [still.problem(7, at) for at in (5.0, 14.9)] == ["", ""]
    assert still.problem(7, 15.0) == ("frozen: expected a change within 10 s, found none for 10 s")


def test_another_content_begins_anew() -> None:
    """Also when the first one comes back."""
    still = Stillness(10)
    assert [still.problem(c, at) for c, at in ((1, 0.0), (2, 9.0), (1, 18.0), (1, 27.0))] == [
        "" for _ in range(4)
    ]
    assert still.problem(1, 28.0)


def test_what_is_like_no_other_never_stands_still() -> None:
    """None is not the same as None."""
    still = Stillness(10)
    assert {still.problem(None, at) for at in (0.0, 20.0, 40.0)} == {""}


def test_stillness_is_not_minded_unless_asked() -> None:
    """Must not fire: a file's frames may all be the same."""
    never = Stillness(None)
    assert {never.problem(1, at) for at in (0.0, 1e9)} == {""}
