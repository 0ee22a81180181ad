"""The kinds of specs and answers that there are: of each task what is written down and sent.

This is one half of the device's list of tasks, which whoever opens a bundle or a message loads:
it imports no picture library and no interpreter. The other half is `edge_agent.tasks.registry`.
"""

from typing import TypeAlias, get_args

from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.ocr.answer import Page, Reading, Text
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.regress.answer import Measurement
from edge_agent.tasks.regress.spec import RegressSpec

# What a bundle says of its outputs; msgspec tells them apart by the tag "task".
OutputSpec: TypeAlias = ClassifySpec | TextSpec | RegressSpec
# What a network's outputs stand for.
Result: TypeAlias = Classification | Text | Measurement
# What a stream says about one frame; msgspec tells them apart by the tag "kind".
Answer: TypeAlias = Classification | Reading | Page | Measurement


def task_name(spec: type[OutputSpec] | OutputSpec) -> str:
    """The name of the task that a spec, or a type of specs, is of."""
    return str(spec.__struct_config__.tag)


TASK_NAMES: tuple[str, ...] = tuple(task_name(spec) for spec in get_args(OutputSpec))
