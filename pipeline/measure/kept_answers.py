"""Whether a candidate still answers as an older bundle did: on its golden frames.

A network that is trained again, on pictures that the old one did not know, may forget what the old
one knew. The old bundle brings real frames and its outputs for them. Does the candidate give the
same answers? It is asked with the device's own code, and nobody need have the old data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from edge_agent.bundle.archive import Bundle
from edge_agent.inference.recognizer import TfliteRecognizer, decode_outputs
from edge_agent.tasks.kinds import task_name
from edge_agent.tasks.registry import task_of
from pipeline.common.errors import RecipeError
from pipeline.measure.gates import Gate

Lacks: TypeAlias = Callable[[Any, Any, Sequence[str]], tuple[str, list[str]]]
"""What an answer is made of, and those of them that a first spec lacks.

It is handed that spec, the older one, and the older one's golden answers.
"""

SHOWN = 3  # how many lost answers a gate names


@dataclass(frozen=True)
class LostAnswer:
    """An answer of the old bundle that the candidate does not give.

    Args:
        place: `frame 3`, or the crop's name.
        before: what the old bundle says.
        now: what the candidate says.
    """

    place: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.place} was {self.before!r}, is {self.now!r}"


@dataclass(frozen=True)
class KeptAnswers:
    """How a candidate answers for the golden frames of an older bundle.

    Args:
        old: that bundle, `name@id`.
        kept, total: how many answers are the same, of how many.
        lost: the others.
    """

    old: str
    kept: int
    total: int
    lost: tuple[LostAnswer, ...]

    def gate(self) -> Gate:
        """Holds if every answer is the same."""
        return Gate(
            "golden",
            f"all {self.total} golden answers of {self.old}",
            f"{self.kept}{lost_ones(self.lost)}",
            holds=not self.lost,
        )


def kept_answers(candidate: Bundle, old: Bundle, lacks: Lacks) -> KeptAnswers:
    """Whether `candidate` gives the answers that `old` recorded for its golden frames.

    Answers are compared as they are said: classes by their names, texts as they are read without
    a pattern. The old network is not run: its answers are what it shipped with.

    Args:
        candidate: the new bundle.
        old: the one that it is to replace.
        lacks: says what an answer of the old one takes and the candidate does not have.

    Raises:
        RecipeError: the candidate has another task, lacks a class of the old bundle, or a
            character of one of its golden texts, so that it could not give the same answers.
        BundleError: the candidate does not run here, or fails its own golden frames.
    """
    answers = [decode_outputs(frame.outputs, old.manifest) for frame in old.golden]
    _check_comparable(candidate, old, lacks, [answer.brief() for answer in answers])
    spec = candidate.manifest.output
    difference = task_of(spec).difference
    lost = []
    with TfliteRecognizer(candidate) as recognize:
        for number, (frame, before) in enumerate(zip(old.golden, answers, strict=True)):
            now = recognize(frame.image)
            if difference(before, now, spec):
                lost.append(LostAnswer(f"frame {number}", before.brief(), now.brief()))
    return KeptAnswers(old.short_id, len(answers) - len(lost), len(answers), tuple(lost))


def _check_comparable(candidate: Bundle, old: Bundle, lacks: Lacks, answers: list[str]) -> None:
    ours, theirs = candidate.manifest.output, old.manifest.output
    if type(ours) is not type(theirs):
        raise RecipeError(
            f"{old.path}: expected a bundle for the task {task_name(ours)}, as "
            f"{candidate.short_id} is, found {old.short_id} for {task_name(theirs)}"
        )
    what, missing = lacks(ours, theirs, answers)
    if missing:
        raise RecipeError(
            f"{old.path}: expected every {what} of {old.short_id} in {candidate.short_id}, "
            f"found no {', '.join(map(repr, missing))} there"
        )


def lost_ones(lost: tuple[LostAnswer, ...]) -> str:
    """`; frame 3 was '12', is '13'`, and how many more."""
    if not lost:
        return ""
    more = f"; and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    return f": {'; '.join(map(str, lost[:SHOWN]))}{more}"
