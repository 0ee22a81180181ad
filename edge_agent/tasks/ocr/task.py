"""`OCR`: what is written in the regions of a frame, and what the meters there show."""

from collections.abc import Callable
from pathlib import Path

from edge_agent.common.arrays import F32
from edge_agent.tasks.ocr.answer import Text
from edge_agent.tasks.ocr.decode.ctc import read_text
from edge_agent.tasks.ocr.entities import entities
from edge_agent.tasks.ocr.look import TextLooker
from edge_agent.tasks.ocr.meters.memory import MeterMemory, meters_path
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.ocr.typical import typical
from edge_agent.tasks.task import DeviceTask, Looker, Opening


def _decode(outputs: tuple[F32, ...], spec: TextSpec) -> Text:
    scores = outputs[0]
    return read_text(scores, spec)


def _difference(one: Text, other: Text, _: TextSpec) -> str:
    """That the texts differ: probabilities do, from machine to machine."""
    return "" if one.text == other.text else f"expected {one.text!r}, found {other.text!r}"


def _open(opening: Opening[TextSpec, TextOptions]) -> Looker:
    return TextLooker(opening)


def _memory(outbox: Path, is_set: Callable[[], bool]) -> MeterMemory:
    return MeterMemory(meters_path(outbox), is_set=is_set)


OCR = DeviceTask(
    name="ocr",
    spec=TextSpec,
    options=TextOptions,
    decode=_decode,
    difference=_difference,
    open=_open,
    typical=typical,
    entities=entities,
    needs="one or more [[stream.regions]]",
    memory=_memory,
)
