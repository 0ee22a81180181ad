"""`Lesson` to one self-contained HTML file, in the report's style: nothing is fetched."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from edge_agent.common.arrays import F32
from pipeline.explain import words as lesson_words
from pipeline.explain.lesson import Lesson, LessonStep, TracedValue, pixel_steps
from pipeline.report import words
from pipeline.report.pictures import InlinePicture, map_strip, picture
from pipeline.report.templates import SHARED, asset, page_template

# A vector longer than this is shown by its largest values.
_BARS = 64
# So many numbers of the picture are printed, a square round its liveliest place.
_NUMBERS = 10


@dataclass(frozen=True)
class Bar:
    """One value of a vector: its number, name and real value, and how long its bar is."""

    index: int
    label: str
    value: float
    share: float


@dataclass(frozen=True, eq=False)
class StepView:
    """A step with everything that is drawn of it.

    Args:
        step: the step.
        title, sentence: what it is and does.
        maps: its liveliest maps; None where its output are no maps.
        bars: its values where it is a vector.
        low, high: the real values it holds.
    """

    step: LessonStep
    title: str
    sentence: str
    maps: InlinePicture | None
    bars: tuple[Bar, ...]
    low: float
    high: float


def render(found: Lesson, created: str) -> str:
    """The lesson as HTML; the same one gives the same text.

    Args:
        found: what is shown.
        created: when it was made, as a reader should see it.
    """
    script = asset(SHARED, "script.js")
    style = asset(SHARED, "style.css") + asset("pipeline.explain", "explain.css")
    last = len(found.steps)
    first = {step.operator.name: step.number for step in reversed(found.steps)}
    views = [
        _view(
            step,
            found.labels if step.number == last else (),
            known=first[step.operator.name] != step.number,
        )
        for step in found.steps
    ]
    place, pixel, normal, q = pixel_steps(found)
    return page_template("pipeline.explain", "explain.html.j2").render(
        lesson=found,
        created=created,
        views=views,
        image=picture(found.image, 320),
        fitted=picture(found.fitted, 320),
        numbers=_numbers(found.source),
        pixel=(place, pixel, normal, q),
        style=Markup(style),
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        words=words,
        lesson_words=lesson_words,
    )


def _view(step: LessonStep, labels: Sequence[str], *, known: bool) -> StepView:
    """A step; what an operator does is said where it comes first, so not of a `known` one."""
    real = step.output.real
    return StepView(
        step=step,
        title=lesson_words.title(step.operator),
        sentence="" if known else lesson_words.sentence(step.operator),
        maps=map_strip(real[0].transpose(2, 0, 1)) if _are_maps(real) else None,
        bars=() if _are_maps(real) else tuple(_bars(real.reshape(-1), labels)),
        low=float(real.min()),
        high=float(real.max()),
    )


def _are_maps(real: F32) -> bool:
    return real.ndim == 4 and real.shape[1] * real.shape[2] > 1


def _bars(values: F32, labels: Sequence[str]) -> list[Bar]:
    """Every value, from the least up to it; of many the largest, in their order."""
    chosen = np.sort(np.argsort(-values, kind="stable")[:_BARS])
    low, high = float(values.min()), float(values.max())
    span = (high - low) or 1.0
    return [
        Bar(
            int(i),
            labels[i] if labels else "",
            float(values[i]),
            max(0.02, (float(values[i]) - low) / span),
        )
        for i in chosen
    ]


@dataclass(frozen=True)
class NumberTable:
    """Some integers of the input with their shades, 0 to 1; `top` and `left` say from where."""

    top: int
    left: int
    rows: tuple[tuple[tuple[int, float], ...], ...]


def _numbers(source: TracedValue) -> NumberTable:
    """The square of the first channel in which most happens."""
    plane = source.q[0, :, :, 0].astype(int)
    height, width = min(_NUMBERS, plane.shape[0]), min(_NUMBERS, plane.shape[1])
    tops, lefts = range(plane.shape[0] - height + 1), range(plane.shape[1] - width + 1)
    step = max(1, max(len(tops), len(lefts)) // 12)
    top, left = max(
        ((t, k) for t in tops[::step] for k in lefts[::step]),
        key=lambda at: float(plane[at[0] : at[0] + height, at[1] : at[1] + width].std()),
    )
    part = plane[top : top + height, left : left + width]
    rows = tuple(tuple((int(q), (int(q) + 128) / 255) for q in row) for row in part)
    return NumberTable(top, left, rows)
