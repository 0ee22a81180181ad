"""`Findings`: everything the doctor shows, as frozen values; `--json` writes them as they are."""

import msgspec

from edge_agent.bundle.metrics import Metrics
from pipeline.ladder.ladder import Ladder
from quantization.doctor import Culprit, Diagnosis, Layer
from quantization.doctor.trials import Trial
from quantization.recipe import QuantRecipe


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one network.

    Args:
        name: of the run, or of the file.
        created: when, in ISO 8601.
        diagnosis: what int8 costs it.
        recipe: how it was quantised.
        is_run: whether it is of a run: what was done is known, and nothing was tried anew.
        brought: whether the file brought its scales, so that the recipe decided little.
        trials: of an ONNX file, what each remedy brought.
        ladder: of a run, the ways to quantise it that were tried.
        metrics: of a run that was verified, what was measured on the test split.
        before: what the network before quantisation is called: of a run `trained` or `pruned`.
    """

    name: str
    created: str
    diagnosis: Diagnosis
    recipe: QuantRecipe
    is_run: bool = False
    brought: bool = False
    trials: tuple[Trial, ...] = ()
    ladder: Ladder | None = None
    metrics: Metrics | None = None
    before: str = "float"

    @property
    def best(self) -> Trial | None:
        """The trial that brought most, if one brought anything worth a word."""
        before = self.diagnosis.output_db
        worth = [trial for trial in self.done if gained(before, trial.output_db) > WORTH]
        return max(worth, key=lambda trial: gained(before, trial.output_db), default=None)

    @property
    def done(self) -> tuple[Trial, ...]:
        """The trials that could be made."""
        return tuple(trial for trial in self.trials if not trial.refused)

    def blamed(self, layer: Layer) -> tuple[tuple[int, Culprit], ...]:
        """The culprits at a layer with their numbers, from 1."""
        numbered = enumerate(self.diagnosis.culprits, start=1)
        return tuple(
            (number, culprit) for number, culprit in numbered if culprit.layer == layer.name
        )


# Less than this, in dB, is within what other samples would show.
WORTH = 1.0


def gained(before: float | None, after: float | None) -> float:
    """By how many dB an output is better; infinitely, if its error is gone."""
    exact = float("inf")
    if before == after:
        return 0.0
    return (exact if after is None else after) - (exact if before is None else before)
