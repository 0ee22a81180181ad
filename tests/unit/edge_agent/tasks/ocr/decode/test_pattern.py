"""Patterns: what they match, and what is said about those that are wrong."""

import pytest

from edge_agent.tasks.ocr.decode import pattern as module
from edge_agent.tasks.ocr.decode.automaton import Automaton, LanguageError
from edge_agent.tasks.ocr.decode.pattern import compile_pattern

CHARSET = tuple("0123456789ABC.-+[]|é ")


def matches(pattern: str, text: str) -> bool:
    allowed = compile_pattern(pattern, CHARSET)
    return allowed.accepts(CHARSET.index(c) for c in text)


@pytest.mark.parametrize(
    ("pattern", "texts", "others"),
    [
        (r"[0-9]{5}\.[0-9]", ["00123.4"], ["0123.4", "00123", "00123.45", "00123-4", ""]),
        (r"\d{2,3}", ["12", "123"], ["1", "1234"]),
        (r"\d{2,}", ["12", "123456"], ["1"]),
        ("A?B*C+", ["C", "AC", "BBC", "ABBCC"], ["", "AB", "AAC"]),
        ("(AB|C){2}", ["ABC", "CAB", "CC", "ABAB"], ["C", "ABA", "CCC"]),
        ("A|BC|", ["A", "BC", ""], ["B", "AC"]),
        (r"[-+]?\d", ["-1", "+1", "1"], ["-", "--1"]),
        (r"[\]\[A-B]+", ["[A]", "B"], ["C"]),
        ("..", ["A1", "é "], ["A"]),
        (r"A\|B", ["A|B"], ["A", "B"]),
        ("[.|+]", [".", "|", "+"], ["A"]),
        ("[A-]", ["A", "-"], ["B"]),
        ("((A))", ["A"], ["AA"]),
        ("(A*)*B", ["B", "AAB"], ["A"]),
    ],
)
def test_a_pattern_matches_whole_texts(pattern: str, texts: list[str], others: list[str]) -> None:
    """Must fire on the first, must not on the second."""
    assert [text for text in texts if not matches(pattern, text)] == []
    assert [text for text in others if matches(pattern, text)] == []


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[0-9", "pattern '[0-9' at 5: expected `]`, found its end"),
        ("(A", "pattern '(A' at 2: expected `)`, found its end"),
        ("A)", "pattern 'A)' at 1: expected a group to be opened before, found `)`"),
        ("*A", "pattern '*A' at 0: expected something before it to repeat, found `*`"),
        ("A{x}", "pattern 'A{x}' at 2: expected a count, found `x`"),
        ("A{2", "pattern 'A{2' at 3: expected `}`, found its end"),
        ("A{3,2}", "pattern 'A{3,2}' at 6: expected the lower count first, found 3,2"),
        ("A{1001}", "pattern 'A{1001}' at 6: expected a count of at most 1000, found 1001"),
        (
            "A**",
            "pattern 'A**' at 2: expected one repetition; put brackets around the first, found `*`",
        ),
        (
            "^A",
            "pattern '^A' at 0: expected no anchor, as a pattern is always the whole text, "
            "found `^`",
        ),
        (
            "A$",
            "pattern 'A$' at 1: expected no anchor, as a pattern is always the whole text, "
            "found `$`",
        ),
        (
            "[^A]",
            "pattern '[^A]' at 1: expected what is allowed, not what is not "
            "(`\\^` is the character), found `^`",
        ),
        (
            r"\w",
            "pattern '\\\\w' at 1: expected `d` or a character that is no letter after a "
            "backslash, found `w`",
        ),
        (
            "A\\",
            "pattern 'A\\\\' at 2: expected `d` or a character that is no letter after a "
            "backslash, found its end",
        ),
        ("[]", "pattern '[]' at 1: expected a character in the brackets, found `]`"),
        (
            "[9-0]",
            "pattern '[9-0]' at 4: expected a range from a lower to a higher character "
            "before, found `]`",
        ),
        ("A]", "pattern 'A]' at 1: expected `\\]` for the character itself, found `]`"),
        ("(" * 60 + "A" + ")" * 60, "pattern '((("),
        ("A{00010}", "pattern 'A{00010}' at 7: expected a count of at most 1000, found 00010"),
        ("A" * 1001, "pattern: expected at most 1000 characters, found 1001"),
        ("(A{1000}){1000}", "pattern '(A{1000}){1000}' is too large: its counts multiply"),
        (
            "(A|B)*A(A|B){20}",
            "pattern '(A|B)*A(A|B){20}' is too large: it has too many ways to match",
        ),
    ],
)
def test_a_malformed_pattern_is_one_clear_error(pattern: str, message: str) -> None:
    """The pattern, the place in it, what was expected and what was found."""
    with pytest.raises(LanguageError) as caught:
        compile_pattern(pattern, CHARSET)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("pattern", "states", "reason"),
    [
        # A start and an end for each of two characters; and the sets of the last six of two.
        ("AB", 4, "its counts multiply"),
        ("(A|B)*A(A|B){5}", 65, "it has too many ways to match"),
    ],
)
def test_a_pattern_may_have_as_many_states_as_the_bound_says(
    pattern: str, states: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not one more: a device's memory has an end."""
    monkeypatch.setattr(module, "MAX_STATES", states)
    compile_pattern(pattern, ("A", "B"))
    monkeypatch.setattr(module, "MAX_STATES", states - 1)
    with pytest.raises(LanguageError, match=reason):
        compile_pattern(pattern, ("A", "B"))


@pytest.mark.parametrize("pattern", ["Z", "A[x-z]", "(Z|Y)+", r"\d{2}Z"])
def test_a_pattern_that_cannot_match_is_an_error(pattern: str) -> None:
    """No text of the model's characters would do, so nothing could ever be read."""
    with pytest.raises(LanguageError) as caught:
        compile_pattern(pattern, CHARSET)
    assert str(caught.value) == (
        f"pattern {pattern!r} cannot match: no text of the model's characters would do"
    )


def test_branches_that_the_model_cannot_write_are_left_out() -> None:
    """Must not fire: one branch is enough, and the other leaves no dead end behind."""
    allowed = compile_pattern("A(Z|B)|Z+", CHARSET)
    assert accepted(allowed, "AB")
    assert not accepted(allowed, "A")
    assert len(allowed.accepting) == 3  # start, behind A, behind AB


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [("A*", 0), (r"\d{5}", 5), ("AB|CC", 2), ("A{5}", 9), ("AAB|ABBA", 4), ("(AA|BAB)B", 4)],
)
def test_the_fewest_steps_are_known(pattern: str, steps: int) -> None:
    """They must not be more than the model's: one a character, and one between equal ones."""
    assert compile_pattern(pattern, CHARSET).least_steps() == steps


@pytest.mark.parametrize(
    ("pattern", "other", "both"),
    [
        (r"\d{5}", r"\d{4}|\d{5}", True),
        (r"\d{5}", r"\d{4}", False),
        ("A*B", "AC|AAAB", True),
        ("(AB)*", "A+B?", True),
        ("(AB)+", "A{2,}B", False),
    ],
)
def test_whether_two_patterns_have_a_text_in_common(pattern: str, other: str, both: bool) -> None:
    """Must fire on one text, must not on none; whichever is asked."""
    a, b = compile_pattern(pattern, CHARSET), compile_pattern(other, CHARSET)
    assert (a.overlaps(b), b.overlaps(a)) == (both, both)


def accepted(allowed: Automaton, text: str) -> bool:
    return allowed.accepts(CHARSET.index(c) for c in text)
