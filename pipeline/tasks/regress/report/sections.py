"""What the report says about numbers: answers over truths, errors over the range, the worst."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from edge_agent.tasks.regress.decode import measure
from pipeline.report.page import ReportPage
from pipeline.report.pictures import InlinePicture, picture
from pipeline.tasks.regress.report.charts import error_chart, read_chart
from pipeline.tasks.regress.report.contents import ValueReport
from pipeline.tasks.regress.truth import AGREE, answered, spans

WORST = 24
# Of the range: how many answers are nearer than that is told.
WITHIN = (0.01, 0.02, 0.05)


@dataclass(frozen=True)
class QuantityFigures:
    """One quantity on the test split.

    Args:
        name, unit: the quantity's.
        float_error, error: mean absolute, before quantisation and in int8, in the unit.
        of_range: the latter as a share of the range.
        largest: the largest error in int8, in the unit.
        within: the share of images whose error is at most each share in `WITHIN`.
        read, errors: the two charts.
    """

    name: str
    unit: str
    float_error: float
    error: float
    of_range: float
    largest: float
    within: tuple[float, ...]
    read: Markup
    errors: Markup


@dataclass(frozen=True)
class ValueCard:
    """An image with what was answered, and with what is there and the error where known."""

    picture: InlinePicture
    answer: str
    truth: str = ""
    error: str = ""
    identity: str = ""
    confidence: float | None = None


def value_page(data: ValueReport) -> ReportPage:
    """The report of a network that reads numbers."""
    package = "pipeline.tasks.regress.report"
    return ReportPage(data, lambda: value_sections(data), package, "values.html.j2")


def value_sections(data: ValueReport) -> dict[str, object]:
    """What `values.html.j2` shows; charts are drawn, so in the chart style."""
    first = data.spec.quantities[0]
    return {
        "figures": _figures(data),
        "within": WITHIN,
        "agree": AGREE,
        "worst": _worst(data),
        "golden": [
            ValueCard(
                picture(frame.image),
                measure(data.golden_port.real(frame.outputs[0]), data.spec).brief(),
            )
            for frame in data.golden
        ],
        "samples": [
            ValueCard(picture(one.image, 96), f"{one.value:.{first.places}f} {first.unit}")
            for one in data.data.samples
        ],
    }


def _figures(data: ValueReport) -> list[QuantityFigures]:
    before = data.truth.errors_by_quantity(data.scores_float)
    errors = data.truth.errors_by_quantity(data.scores_int8)
    answers, truth = answered(data.scores_int8, data.spec.quantities), data.test.labels
    found = []
    for place, quantity in enumerate(data.spec.quantities):
        mine = errors[:, place]
        found.append(
            QuantityFigures(
                name=quantity.name,
                unit=quantity.unit,
                float_error=float(before[:, place].mean()),
                error=float(mine.mean()),
                of_range=float(mine.mean()) / quantity.span,
                largest=float(mine.max()),
                within=tuple(float((mine <= share * quantity.span).mean()) for share in WITHIN),
                read=read_chart(truth[:, place], answers[:, place], quantity, str(place)),
                errors=error_chart(truth[:, place], mine, quantity, str(place)),
            )
        )
    return found


def _worst(data: ValueReport) -> list[ValueCard]:
    """The images with the largest errors, as shares of their ranges."""
    errors = data.truth.errors_by_quantity(data.scores_int8)
    shares = errors / spans(data.spec.quantities)
    cards = []
    for i in np.argsort(-shares.max(axis=1), kind="stable")[:WORST].tolist():
        place = int(shares[i].argmax())
        quantity = data.spec.quantities[place]
        cards.append(
            ValueCard(
                picture(data.test.images[i]),
                measure(data.scores_int8[i], data.spec).brief(),
                f"{quantity.name} {data.test.labels[i, place]:.{quantity.places}f} {quantity.unit}",
                f"{errors[i, place]:.3g} {quantity.unit}",
                data.test.ids[i],
            )
        )
    return cards
