"""`LineReader`: one line of text: gates, network, threshold; it knows nothing of frames."""

from dataclasses import dataclass

from edge_agent.bundle.preprocess import ColourOrder, to_grey
from edge_agent.common.arrays import I8, U8
from edge_agent.tasks.ocr.answer import Text
from edge_agent.tasks.ocr.decode.automaton import Automaton
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.meters.meter import Verdict
from edge_agent.tasks.ocr.picture.quality import quality
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.task import Recognizer

ACCEPTED = Verdict("accepted")
NOTHING = Text(text="", confidence=0.0, characters=(), sure=False)


@dataclass(frozen=True, eq=False)
class PreparedLine:
    """The picture of a line, ready for the network; or why there is nothing to read in it."""

    x: I8 | None = None
    problem: str = ""


class LineReader:
    """Reads lines by one network.

    Args:
        network: ready to run.
        spec: what it writes.
    """

    def __init__(self, network: Recognizer, spec: TextSpec) -> None:
        self._network, self.spec = network, spec

    def __call__(
        self, image: U8, order: ColourOrder, allowed: Automaton | None
    ) -> tuple[Text, Verdict]:
        """What the picture of a line says, and whether it may be believed."""
        return self.read(self.prepare(image, order), allowed)

    def prepare(self, image: U8, order: ColourOrder) -> PreparedLine:
        """All that looks at pixels only; any thread may ask, while another reads."""
        problem = quality(to_grey(image, order)).problem()
        if problem:
            return PreparedLine(problem=problem)
        return PreparedLine(self._network.prepare(image, order))

    def read(self, line: PreparedLine, allowed: Automaton | None) -> tuple[Text, Verdict]:
        """What a prepared line says, and whether it may be believed."""
        if line.x is None:
            return NOTHING, Verdict("rejected", line.problem)
        scores = self._network.scores(line.x)[0]
        text = read_text(scores, self.spec, allowed)
        if not text.text:
            what = "no text" if allowed is None else "nothing that is allowed there"
            return NOTHING, Verdict("rejected", what)
        if not text.sure:
            least = self.spec.min_confidence
            return text, Verdict("held", f"not sure: {text.confidence:.3f} of {least:.3f}")
        return text, ACCEPTED
