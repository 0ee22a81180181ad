"""Whether a candidate still reads the crops that an older bundle reads.

Of labelled crops, which does the old bundle read rightly, and does the candidate? Both are asked
with the device's own code.
"""

from dataclasses import dataclass

from edge_agent.bundle.archive import Bundle
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.kinds import task_name
from edge_agent.tasks.ocr.line_reader import LineReader
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.common.errors import RecipeError
from pipeline.common.progress import SILENT, Progress
from pipeline.measure.gates import Gate
from pipeline.measure.kept_answers import LostAnswer, lost_ones
from pipeline.tasks.ocr.data.dataset import TextSplit


@dataclass(frozen=True)
class KeptReadings:
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
    lost: tuple[LostAnswer, ...]

    def gate(self) -> Gate:
        """Holds if no fewer are right, and no more of the wrong ones pass for accepted."""
        demanded = f"at least {self.old_right} of {self.total} right, as {self.old}"
        measured = f"{self.new_right}{lost_ones(self.lost)}"
        if self.new_misled > self.old_misled:
            demanded += f", and at most {self.old_misled} wrong but accepted"
            measured += f"; {self.new_misled} wrong but accepted"
        holds = self.new_right >= self.old_right and self.new_misled <= self.old_misled
        return Gate("crops", demanded, measured, holds)


def kept_readings(
    candidate: Bundle, old: Bundle, crops: TextSplit, progress: Progress = SILENT
) -> KeptReadings:
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
    return KeptReadings(
        old=old.short_id,
        total=len(crops),
        old_right=sum(b.text == text for _, text, b, _ in marks),
        new_right=sum(a.text == text for _, text, _, a in marks),
        old_misled=sum(b.accepted and b.text != text for _, text, b, _ in marks),
        new_misled=sum(a.accepted and a.text != text for _, text, _, a in marks),
        lost=tuple(
            LostAnswer(place, b.text, a.text)
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
            f"{bundle.path}: expected a bundle for the task {task_name(TextSpec)}, found "
            f"{bundle.short_id} for {task_name(spec)}"
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
