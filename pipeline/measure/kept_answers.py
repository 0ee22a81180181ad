"""Whether a candidate still answers as an older bundle did: on its golden frames, and on crops.

A network that is trained again, on crops that the old one could not read, may forget what the old
one could. Two questions, both asked with the device's own code:

- `kept_answers`: the old bundle brings real frames and its outputs for them. Does the candidate
  give the same answers? Nobody need have the old data.
- `kept_readings`: of labelled crops, which did the old bundle read rightly, and does the candidate?
"""

from dataclasses import dataclass

from edge_agent.bundle.archive import Bundle
from edge_agent.inference.recognizer import TfliteRecognizer, decode_outputs
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.kinds import OutputSpec
from edge_agent.tasks.ocr.line_reader import LineReader
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.common.errors import RecipeError
from pipeline.common.progress import SILENT, Progress
from pipeline.measure.gates import Gate
from pipeline.tasks.ocr.data.dataset import TextSplit

SHOWN = 3  # how many lost answers a gate names


@dataclass(frozen=True)
class Lost:
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
class Kept:
    """How a candidate answers for the golden frames of an older bundle.

    Args:
        old: that bundle, `name@id`.
        kept, total: how many answers are the same, of how many.
        lost: the others.
    """

    old: str
    kept: int
    total: int
    lost: tuple[Lost, ...]

    def gate(self) -> Gate:
        """Holds if every answer is the same."""
        return Gate(
            "golden",
            f"all {self.total} golden answers of {self.old}",
            f"{self.kept}{_named(self.lost)}",
            holds=not self.lost,
        )


def kept_answers(candidate: Bundle, old: Bundle) -> Kept:
    """Whether `candidate` gives the answers that `old` recorded for its golden frames.

    Classes are compared by their names, whatever their order, and texts as they are read
    without a pattern. The old network is not run: its answers are what it shipped with.

    Raises:
        RecipeError: the candidate has another task, lacks a class of the old bundle, or a
            character of one of its golden texts, so that it could not give the same answers.
        BundleError: the candidate does not run here, or fails its own golden frames.
    """
    answers = [decode_outputs(frame.outputs, old.manifest).brief() for frame in old.golden]
    _check_comparable(candidate, old, answers)
    lost = []
    with TfliteRecognizer(candidate) as recognize:
        for number, (frame, before) in enumerate(zip(old.golden, answers, strict=True)):
            now = recognize(frame.image).brief()
            if now != before:
                lost.append(Lost(f"frame {number}", before, now))
    return Kept(old.short_id, len(answers) - len(lost), len(answers), tuple(lost))


@dataclass(frozen=True)
class Compared:
    """How two bundles read the same labelled crops.

    Args:
        old: the older bundle, `name@id`.
        total: how many crops.
        old_right, new_right: how many each reads rightly.
        old_misled, new_misled: how many each reads wrongly and would publish as accepted.
        lost: what was right before and is wrong now.
    """

    old: str
    total: int
    old_right: int
    new_right: int
    old_misled: int
    new_misled: int
    lost: tuple[Lost, ...]

    def gate(self) -> Gate:
        """Holds if no fewer are right, and no more of the wrong ones pass for accepted."""
        demanded = f"at least {self.old_right} of {self.total} right, as {self.old}"
        measured = f"{self.new_right}{_named(self.lost)}"
        if self.new_misled > self.old_misled:
            demanded += f", and at most {self.old_misled} wrong but accepted"
            measured += f"; {self.new_misled} wrong but accepted"
        holds = self.new_right >= self.old_right and self.new_misled <= self.old_misled
        return Gate("crops", demanded, measured, holds)


def kept_readings(
    candidate: Bundle, old: Bundle, crops: TextSplit, progress: Progress = SILENT
) -> Compared:
    """Read `crops` with both bundles, as the device reads a line without a pattern.

    That includes its gates: a crop that shows nothing is rejected before the network is asked,
    and is right where its text is empty.

    Args:
        candidate: a bundle that reads text.
        old: the one that it is to replace.
        crops: pictures of lines and what they say.
        progress: sees one task for each bundle.

    Raises:
        RecipeError: one of them is for another task.
        BundleError: one of them does not run here.
    """
    before = _readings(old, crops, progress)
    after = _readings(candidate, crops, progress)
    marks = list(zip(crops.ids, crops.labels, before, after, strict=True))
    return Compared(
        old=old.short_id,
        total=len(crops),
        old_right=sum(b.text == text for _, text, b, _ in marks),
        new_right=sum(a.text == text for _, text, _, a in marks),
        old_misled=sum(b.accepted and b.text != text for _, text, b, _ in marks),
        new_misled=sum(a.accepted and a.text != text for _, text, _, a in marks),
        lost=tuple(
            Lost(place, b.text, a.text)
            for place, text, b, a in marks
            if b.text == text and a.text != text
        ),
    )


@dataclass(frozen=True)
class _Read:
    """A text, and whether the device would accept it."""

    text: str
    accepted: bool


def _readings(bundle: Bundle, crops: TextSplit, progress: Progress) -> list[_Read]:
    spec = bundle.manifest.output
    if not isinstance(spec, TextSpec):
        raise RecipeError(
            f"{bundle.path}: expected a bundle for the task ocr, found {bundle.short_id} "
            "for classify"
        )
    found = []
    name = f"read {len(crops)} crops with {bundle.short_id}"
    with TfliteRecognizer(bundle) as recognize, progress.task(name, len(crops)) as task:
        read = LineReader(recognize, spec)
        for number in range(len(crops)):
            text, verdict = read(crops.images[number], "rgb", None)
            found.append(_Read(text.text, verdict.state == "accepted"))
            task.advance()
    return found


def _check_comparable(candidate: Bundle, old: Bundle, answers: list[str]) -> None:
    match candidate.manifest.output, old.manifest.output:
        case ClassifySpec(labels=labels), ClassifySpec(labels=wanted):
            what, missing = "class", [label for label in wanted if label not in labels]
        case TextSpec(charset=charset), TextSpec():
            found = {c for answer in answers for c in answer}
            what, missing = "character", sorted(found - set(charset))
        case ours, theirs:
            raise RecipeError(
                f"{old.path}: expected a bundle for the task {_task(ours)}, as "
                f"{candidate.short_id} is, found {old.short_id} for {_task(theirs)}"
            )
    if missing:
        raise RecipeError(
            f"{old.path}: expected every {what} of {old.short_id} in {candidate.short_id}, "
            f"found no {', '.join(map(repr, missing))} there"
        )


def _task(output: OutputSpec) -> str:
    return "ocr" if isinstance(output, TextSpec) else "classify"


def _named(lost: tuple[Lost, ...]) -> str:
    """`; frame 3 was '12', is '13'`, and how many more."""
    if not lost:
        return ""
    more = f"; and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    return f": {'; '.join(map(str, lost[:SHOWN]))}{more}"
