"""`REGRESS`: which numbers a frame shows."""

import msgspec

from edge_agent.common.arrays import F32
from edge_agent.tasks.regress.answer import Measurement, QuantityValue
from edge_agent.tasks.regress.decode import difference, measure
from edge_agent.tasks.regress.entities import entities
from edge_agent.tasks.regress.options import RegressOptions
from edge_agent.tasks.regress.spec import RegressSpec
from edge_agent.tasks.task import DeviceTask, Looker, Opening
from edge_agent.tasks.whole import WholeLooker


def _decode(outputs: tuple[F32, ...], spec: RegressSpec) -> Measurement:
    (shares,) = outputs
    return measure(shares, spec)


def _open(opening: Opening[RegressSpec, RegressOptions]) -> Looker:
    return WholeLooker(opening, _decode, _doubted)


def _doubted(answer: Measurement) -> Measurement:
    return msgspec.structs.replace(answer, sure=False)


def _typical(_: RegressOptions) -> tuple[Measurement]:
    usual = QuantityValue(name="pressure", value=4.25, unit="bar", low=0.0, high=10.0)
    return (Measurement(quantities=(usual,), sure=True),)


REGRESS = DeviceTask(
    name="regress",
    spec=RegressSpec,
    options=RegressOptions,
    decode=_decode,
    difference=difference,
    open=_open,
    typical=_typical,
    entities=entities,
    rivals=True,
)
