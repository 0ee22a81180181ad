"""What is news in a stream's answers, and what is not."""

from typing import Any

import pytest

from edge_agent.stream.config import PublishConfig
from edge_agent.stream.filter import ReportFilter
from edge_agent.tasks.classify.answer import Classification, LabelScore
from edge_agent.tasks.kinds import Answer
from edge_agent.tasks.ocr.answer import Line, Page, Reading, ReadingState

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def seen(label: str, confidence: float = 0.9, sure: bool = True, **others: float) -> Classification:
    top = [LabelScore(label, confidence), *(LabelScore(k, v) for k, v in others.items())]
    return Classification(label=label, index=0, confidence=confidence, sure=sure, top=tuple(top))


def read(text: str, region: str = "a", state: ReadingState = "accepted", **fields: Any) -> Reading:
    return Reading(
        region=region,
        state=state,
        text=text,
        confidence=0.9,
        characters=(),
        box=BOX,
        **fields,
    )


def page(*texts: str) -> Page:
    lines = (
        Line(state="accepted", text=text, confidence=0.9, characters=(), box=BOX) for text in texts
    )
    return Page(region="p", lines=tuple(lines))


def judged(config: PublishConfig, answers: list[Answer], step_s: float = 1.0) -> str:
    """F(rame), c(hange), h(eartbeat) or - of each answer, `step_s` apart."""
    news = ReportFilter(config)
    triggers = [news.judge(answer, at * step_s) for at, answer in enumerate(answers)]
    return "".join({"frame": "F", "change": "c", "heartbeat": "h", None: "-"}[t] for t in triggers)


def classes(word: str) -> list[Answer]:
    """One answer a letter; a lower-case one is not sure."""
    return [seen(c.upper(), sure=c.isupper()) for c in word]


def test_always_publishes_everything_and_says_what_is_new() -> None:
    """The default: no answer is left out."""
    assert judged(PublishConfig(), classes("AABBA")) == "cFcFc"


def test_only_changes_are_published() -> None:
    """The first answer is one."""
    assert judged(PublishConfig(when="changed"), classes("AAABBBA")) == "c--c--c"


def test_a_change_must_settle() -> None:
    """What flickers is no news; what comes often enough in a row is, once."""
    config = PublishConfig(when="changed", settle=3)
    assert judged(config, classes("AAAABAABBABBBBA")) == "--c---------c--"


def test_another_candidate_begins_anew() -> None:
    """Two of one and one of the other do not make three."""
    config = PublishConfig(when="changed", settle=3)
    assert judged(config, classes("AAABBCCBCCC")) == "--c-------c"


def test_not_being_sure_any_more_is_news() -> None:
    """Nobody should rely on the last sure answer for ever; which class it is not does not count."""
    config = PublishConfig(when="changed", settle=2)
    assert judged(config, classes("AAabcabAA")) == "-c-c----c"


def test_a_heartbeat_says_that_nothing_is_new() -> None:
    """So long after the last result of any kind."""
    config = PublishConfig(when="changed", at_least_every_s=3)
    assert judged(config, classes("AAAAAAABBBBB")) == "c--h--hc--h-"


def test_a_heartbeat_waits_for_an_answer_that_says_the_same() -> None:
    """A flicker must not pass for a change; but it does not wait for ever."""
    config = PublishConfig(when="changed", settle=4, at_least_every_s=4)
    assert judged(config, classes("AAAAAAABA")) == "---c----h"
    assert judged(config, classes("AAAABCBCBCBCBCB")) == "---c-------h---"


def test_a_heartbeat_comes_also_before_anything_has_settled() -> None:
    """A stream that never settles is not silent."""
    config = PublishConfig(when="changed", settle=100, at_least_every_s=2)
    assert judged(config, classes("ABABABABAB")) == "----h---h-"


def test_a_class_that_leads_by_too_little_is_no_news() -> None:
    """The standing class is measured in the same frame; what leads by enough is news."""
    config = PublishConfig(when="changed", margin=0.3)
    answers: list[Answer] = [
        seen("A"),
        seen("B", 0.55, A=0.40),
        seen("B", 0.70, C=0.2, A=0.1),
        seen("A", 0.5, B=0.3),
        seen("C", 0.25, D=0.2),  # B is not among the best: it counts as nothing
        seen("C", 0.9, B=0.05),
    ]
    assert judged(config, answers) == "c-c--c"


def test_the_margin_does_not_hide_that_nothing_is_sure() -> None:
    """Must fire: doubt is not a close race."""
    config = PublishConfig(when="changed", margin=0.5)
    assert judged(config, [seen("A"), seen("B", 0.5, sure=False, A=0.45)]) == "cc"
    assert judged(config, [seen("A", sure=False), seen("B", 0.5, A=0.45)]) == "cc"


def test_regions_are_judged_by_themselves() -> None:
    """News of one is none of another."""
    config = PublishConfig(when="changed", settle=2)
    answers: list[Answer] = [
        read("1"),
        read("x", region="b"),
        read("1"),
        read("y", region="b"),
        read("2"),
        read("y", region="b"),
    ]
    assert judged(config, answers) == "--c--c"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (seen("A", 0.9), seen("A", 0.7), True),
        (seen("A", sure=False), seen("B", sure=False), True),
        (seen("A"), seen("A", sure=False), False),
        (read("1", why="a"), read("1", why="b"), True),
        (read("1"), read("1", state="held"), False),
        (read("12", value=1.1), read("13", value=1.1), True),
        (read("12", value=1.1), read("12", value=1.2), False),
        (page("a", "b"), page("a", "b"), True),
        (page("a", "b"), page("b", "a"), False),
        (page(), page("a"), False),
    ],
)
def test_the_gist_of_an_answer(one: Answer, other: Answer, same: bool) -> None:
    """What a subscriber would call the same."""
    assert (one.gist() == other.gist()) is same
