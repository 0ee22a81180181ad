"""Lists of words as automata."""

import pytest

from edge_agent.tasks.ocr.decode import automaton
from edge_agent.tasks.ocr.decode.automaton import DEAD, LanguageError, of_words, trimmed

CHARSET = tuple("ABC")


def test_exactly_the_words_are_allowed() -> None:
    """Must fire on each, must not on a beginning, a longer one or another."""
    allowed = of_words(["AB", "ABC", "B"], CHARSET)
    told = {
        text: allowed.accepts(CHARSET.index(c) for c in text)
        for text in ("AB", "ABC", "B", "", "A", "ABCA", "C")
    }
    assert [text for text, yes in told.items() if yes] == ["AB", "ABC", "B"]


def test_a_step_off_the_words_is_dead() -> None:
    """The search leaves it at once."""
    allowed = of_words(["AB"], CHARSET)
    assert allowed.step(0, 2) == DEAD
    assert allowed.used().tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["AX"], "words: expected characters of the model's, found 'AX' with 'X'"),
        (["A", ""], "words: expected characters of the model's, found an empty word"),
        ([], "cannot match: no text of the model's characters would do"),
    ],
)
def test_words_that_the_model_cannot_write_are_refused(words: list[str], message: str) -> None:
    """A word that can never be read is a mistake in the list."""
    with pytest.raises(LanguageError) as caught:
        of_words(words, CHARSET)
    assert str(caught.value) == message


def test_what_leads_to_no_allowed_text_is_left_out() -> None:
    """Neither its state nor the step there: the search would follow it in vain."""
    rows = [{0: 1, 1: 3}, {1: 2}, {}, {2: 3}]  # state 3 goes in a circle and never ends
    allowed = trimmed(rows, {2}, 3)
    assert allowed.table.tolist() == [[1, DEAD, DEAD], [DEAD, 2, DEAD], [DEAD, DEAD, DEAD]]
    assert allowed.accepting.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("mine", "others", "overlap"),
    [
        (["AB"], ["AB"], True),
        (["AB", "C"], ["BA", "C"], True),
        (["AB"], ["ABC"], False),
        (["AB"], ["AC"], False),
        (["ABC", "B"], ["ABB", "BC"], False),
    ],
)
def test_two_overlap_where_both_allow_a_text(
    mine: list[str], others: list[str], overlap: bool
) -> None:
    """A beginning that both have is none yet; whichever of them is asked."""
    one, other = of_words(mine, CHARSET), of_words(others, CHARSET)
    assert one.overlaps(other) is other.overlaps(one) is overlap


def test_too_many_words_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device's memory has an end."""
    monkeypatch.setattr(automaton, "MAX_STATES", 4)
    with pytest.raises(LanguageError, match="expected at most 4 different beginnings, found more"):
        of_words(["AAAA", "BBBB"], CHARSET)
