"""`TASKS`: what the device can do for each task.

This is the other half of the device's list of tasks; the first is `edge_agent.tasks.kinds`,
which is loaded with every message, while this one brings picture libraries.
"""

from dataclasses import replace
from typing import Any, TypeAlias

import msgspec

from edge_agent.common.errors import ConfigError, TaskError
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.classify.task import CLASSIFY
from edge_agent.tasks.kinds import OutputSpec, task_name
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.task import OCR
from edge_agent.tasks.regress.options import RegressOptions
from edge_agent.tasks.regress.task import REGRESS
from edge_agent.tasks.task import DeviceTask, Looker, Opening

# The keys of a stream's table that are one task's; msgspec tells them apart by the tag "task".
Options: TypeAlias = ClassifyOptions | TextOptions | RegressOptions
# The first is what a stream is about that does not say.
TASKS: tuple[DeviceTask[Any, Any, Any], ...] = (CLASSIFY, OCR, REGRESS)

DEFAULT_OPTIONS: Options = ClassifyOptions()

_BY_NAME = {task.name: task for task in TASKS}


def task_named(name: str) -> DeviceTask[Any, Any, Any]:
    """The task of that name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]


def task_of(spec: OutputSpec) -> DeviceTask[Any, Any, Any]:
    """The task that `spec` is of."""
    return _BY_NAME[task_name(spec)]


def task_for(options: Options) -> DeviceTask[Any, Any, Any]:
    """The task that `options` are of."""
    return _BY_NAME[options_task(options)]


def options_task(options: Options) -> str:
    """The name of the task that `options` are of."""
    return str(options.__struct_config__.tag)


def open_looker(
    opening: Opening[OutputSpec, Options], min_confidence: float | None, place: str
) -> Looker:
    """What looks at the frames of a stream.

    Args:
        opening: what it is opened with; its spec as in the manifest.
        min_confidence: below it an answer is not sure; None leaves it to the spec.
        place: the bundle, for errors.

    Raises:
        TaskError: the bundle is for another task than the stream.
        ConfigError: the options do not fit the network.
    """
    wanted, task = options_task(opening.options), task_of(opening.spec)
    if task.name != wanted:
        raise TaskError(
            f"{place}: expected a bundle for the task {wanted}, as stream {opening.stream!r} "
            f"says, found one for {task.name}"
        )
    if min_confidence is None:
        return task.open(opening)
    if "min_confidence" not in opening.spec.__struct_fields__:
        raise ConfigError(
            f"stream {opening.stream!r}: expected no min_confidence with a bundle for the task "
            f"{task.name}"
        )
    spec = msgspec.structs.replace(opening.spec, min_confidence=min_confidence)
    return task.open(replace(opening, spec=spec))
