"""`CLASSIFY`: which of several classes a frame belongs to."""

import msgspec

from edge_agent.common.arrays import F32
from edge_agent.tasks.classify.answer import Classification, LabelScore
from edge_agent.tasks.classify.decode import classify
from edge_agent.tasks.classify.entities import entities
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.task import DeviceTask, Looker, Opening
from edge_agent.tasks.whole import WholeLooker


def _decode(outputs: tuple[F32, ...], spec: ClassifySpec) -> Classification:
    scores = outputs[0]
    return classify(scores, spec)


def _difference(one: Classification, other: Classification, _: ClassifySpec) -> str:
    """That the classes differ: probabilities do, from machine to machine."""
    return "" if one.label == other.label else f"expected {one.label!r}, found {other.label!r}"


def _open(opening: Opening[ClassifySpec, ClassifyOptions]) -> Looker:
    return WholeLooker(opening, _decode, _doubted)


def _doubted(answer: Classification) -> Classification:
    return msgspec.structs.replace(answer, sure=False)


def _typical(_: ClassifyOptions) -> tuple[Classification]:
    top = tuple(LabelScore(name, 0.12345) for name in ("one label", "another", "a third"))
    usual = Classification(label="one label", index=7, confidence=0.98765, sure=True, top=top)
    return (usual,)


CLASSIFY = DeviceTask(
    name="classify",
    spec=ClassifySpec,
    options=ClassifyOptions,
    decode=_decode,
    difference=_difference,
    open=_open,
    typical=_typical,
    entities=entities,
    rivals=True,
)
