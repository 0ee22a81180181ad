"""`check_preprocessing`: whether a network sees pictures as it was trained to.

A network of unknown training says nothing of what it was fed with. Labelled pictures do: under
another normalisation it knows them better.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.metrics import Score
from edge_agent.bundle.preprocess import normalise
from edge_agent.common.arrays import F32, U8
from pipeline.common.errors import RecipeError
from pipeline.measure.evaluate import onnx_session
from pipeline.measure.truth import Truth

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
BATCH = 64


@dataclass(frozen=True)
class Normalisation:
    """One common way to feed a network.

    Args:
        name: as people call it.
        mean, std: the recipe's keys that say it.
        bgr: whether blue comes first.
    """

    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool = False

    @property
    def numbers(self) -> tuple[float, ...]:
        """Mean and deviation, rounded as recipes write them."""
        return tuple(round(value, 4) for value in (*self.mean, *self.std))

    def __str__(self) -> str:
        """The recipe's keys."""
        keys = f"input.mean = {_numbers(self.mean)}, input.std = {_numbers(self.std)}"
        return f"{keys}, model.bgr = true" if self.bgr else keys


def common(spec: InputSpec) -> Iterator[Normalisation]:
    """The common ways to feed a network of the colours of `spec`."""
    n = spec.channels
    yield Normalisation("0 to 1", (0.0,) * n, (1.0,) * n)
    yield Normalisation("-1 to 1", (0.5,) * n, (0.5,) * n)
    yield Normalisation("0 to 255", (0.0,) * n, (1 / 255,) * n)
    if n == 3:
        yield Normalisation("ImageNet's mean and deviation", IMAGENET_MEAN, IMAGENET_STD)
        yield Normalisation("0 to 255 less ImageNet's mean", IMAGENET_MEAN, (1 / 255,) * n)


def check_preprocessing(
    model: bytes,
    pixels: U8,
    truth: Truth,
    spec: InputSpec,
    *,
    bgr: bool,
    place: str,
    classes: NDArray[np.int64] | None = None,
) -> Score:
    """How good a float network is on labelled pictures as the recipe feeds it.

    Args:
        model: ONNX with one input (1, C, H, W), red first.
        pixels: (N, H, W, C), or (N, H, W) of grey, at the network's size.
        truth: the right answers.
        spec: the recipe's input.
        bgr: whether `model` was turned from blue first to red first already.
        place: the file, for errors.
        classes: (N,) the number of each picture's class, of what has classes.

    Raises:
        RecipeError: it is clearly better with another normalisation, or as good as guessing.
    """
    stated = Normalisation("the recipe's", spec.mean, spec.std, bgr=bgr)
    scores = _scores(model, pixels, spec, stated, turned=False)
    found = truth.score(scores)
    others = [
        (each, truth.score(_scores(model, pixels, spec, each, turned=each.bgr != bgr)))
        for each in _others(spec, stated)
    ]
    # Of those that are as good the one with the recipe's own numbers, where only colours differ.
    best = max(others, key=lambda pair: (_merit(pair[1]), pair[0].numbers == stated.numbers))
    _check_order(scores, truth, classes, (found, best[1]), place)
    if _clearly(best[1], found):
        colours = ", blue first" if best[0].bgr else ""
        raise RecipeError(
            f"input: expected pictures as {place} was trained with, found {_said(found)} on "
            f"validation with {stated}, and {_said(best[1])} with {best[0]} ({best[0].name}"
            f"{colours})"
        )
    _check_chance(found, truth, place, best)
    return found


def _others(spec: InputSpec, stated: Normalisation) -> Iterator[Normalisation]:
    for each in common(spec):
        for bgr in (False, True) if spec.channels == 3 else (False,):
            other = Normalisation(each.name, each.mean, each.std, bgr)
            if (other.numbers, bgr) != (stated.numbers, stated.bgr):
                yield other


def _scores(model: bytes, pixels: U8, spec: InputSpec, way: Normalisation, *, turned: bool) -> F32:
    """(N, K) of `pixels` as `way` feeds them; with `turned`, channels in the other order."""
    session = onnx_session(model)
    name = session.get_inputs()[0].name
    fed = InputSpec(
        height=spec.height, width=spec.width, colour=spec.colour, mean=way.mean, std=way.std
    )
    rows: list[F32] = []
    for start in range(0, len(pixels), BATCH):
        batch = normalise(pixels[start : start + BATCH], fed).transpose(0, 3, 1, 2)
        batch = batch[:, ::-1] if turned else batch
        fed_alone = (np.ascontiguousarray(one[None]) for one in batch)
        rows.extend(session.run(None, {name: one})[0][0] for one in fed_alone)
    return np.asarray(rows, np.float32)


def _merit(score: Score) -> float:
    return score.value if score.kind.more else -score.value


def _clearly(a: Score, b: Score) -> bool:
    """Whether a score is better than another beyond what chance may do."""
    if None in (a.low, a.high, b.low, b.high):
        return False
    return _worst(a) > _best(b)


def _worst(score: Score) -> float:
    end = score.low if score.kind.more else score.high
    return _signed(score, end)


def _best(score: Score) -> float:
    end = score.high if score.kind.more else score.low
    return _signed(score, end)


def _signed(score: Score, end: float | None) -> float:
    value = score.value if end is None else end
    return value if score.kind.more else -value


def _check_chance(
    found: Score, truth: Truth, place: str, best: tuple[Normalisation, Score]
) -> None:
    """Refuse what is not better than always to answer with the class that is most frequent.

    Args:
        found: as the recipe feeds the network.
        truth: the right answers.
        place: the file.
        best: of the other normalisations the best, which is not better beyond chance.
    """
    counts = truth.class_counts()
    if counts is None or found.low is None:
        return
    likeliest = max(counts.values()) / sum(counts.values())
    if found.low <= likeliest:
        way, score = best
        hint = ", and no better with any common normalisation"
        if _merit(score) > _merit(found):
            hint = f"; {_said(score)} with {way} ({way.name}{', blue first' if way.bgr else ''})"
        raise RecipeError(
            f"model.onnx: expected {place} to know the data's classes, found {_said(found)} on "
            f"{found.samples} validation images, of which the 95 % interval begins at "
            f"{found.low:.1%}, and the most frequent class is {likeliest:.1%} of them{hint}"
        )


def _check_order(
    scores: F32,
    truth: Truth,
    classes: NDArray[np.int64] | None,
    known: tuple[Score, Score],
    place: str,
) -> None:
    """Refuse outputs that would be clearly better for the classes in another order.

    Args:
        scores: as the recipe feeds the network.
        truth: the right answers.
        classes: the number of each picture's class, of what has classes.
        known: how good the scores are, and how good the best ones with another normalisation.
        place: the file.
    """
    labels = [*(truth.class_counts() or ())]
    if classes is None or scores.shape[1] != len(labels):
        return
    table = np.zeros((len(labels), len(labels)), np.int64)  # output, class
    np.add.at(table, (scores.argmax(axis=1), classes), 1)
    chosen = table.argmax(axis=1)
    if len(set(chosen.tolist())) != len(labels):
        return
    permuted = np.empty_like(scores)
    permuted[:, chosen] = scores
    found = truth.score(permuted)
    if _clearly(found, known[0]) and _merit(found) > _merit(known[1]):
        raise RecipeError(
            f"model.labels: expected the classes in the order of the outputs of {place}, found "
            f"{_said(known[0])} on validation with those of the data, and {_said(found)} with "
            f"{[labels[k] for k in chosen]}"
        )


def _said(score: Score) -> str:
    if score.kind.share:
        return f"{score.metric} {score.value:.1%}"
    return f"{score.metric} {score.value:.4g} {score.unit}".rstrip()


def _numbers(values: tuple[float, ...]) -> str:
    return f"[{', '.join(f'{value:.6g}' for value in values)}]"
