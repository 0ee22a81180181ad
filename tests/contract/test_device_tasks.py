"""What every task of the device has to do, whichever it is."""

import json
from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from support.lookers import look_at
from support.task_examples import EXAMPLES, TaskExample

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.common.errors import ConfigError, TaskError
from edge_agent.contract.topics import Topics
from edge_agent.sources.base import Frame, bgr_frame
from edge_agent.tasks.kinds import TASK_NAMES, Answer, OutputSpec, task_name
from edge_agent.tasks.registry import TASKS, Options, open_looker, options_task, task_named, task_of
from edge_agent.tasks.task import DeviceTask, Opening

IMAGE = InputSpec(height=8, width=32, colour="rgb", mean=(0, 0, 0), std=(1, 1, 1))
ANSWERS: type[Any] = Answer  # type: ignore[assignment]  # a union is no class


@pytest.fixture(name="task", params=TASKS, ids=[task.name for task in TASKS])
def _task(request: pytest.FixtureRequest) -> DeviceTask[Any, Any, Any]:
    task: DeviceTask[Any, Any, Any] = request.param
    return task


@pytest.fixture(name="example")
def _example(task: DeviceTask[Any, Any, Any]) -> TaskExample:
    return EXAMPLES[task.name]


class Given:
    """A network whose outputs are given."""

    def __init__(self, outputs: tuple[F32, ...]) -> None:
        self.outputs = outputs

    def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
        return np.zeros((1, 8, 32, 3), np.int8)

    def scores(self, x: I8) -> tuple[F32, ...]:
        return self.outputs


def noisy() -> Frame:
    """A frame in which there is something to look at."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 2, (16, 16), np.uint8) * 255
    return bgr_frame(np.repeat(np.kron(coarse, np.ones((4, 4), np.uint8))[..., None], 3, 2), 0)


def answers(example: TaskExample, frame: Frame | None = None) -> Iterator[Answer]:
    opening = Opening("s", example.spec, IMAGE, example.options, Given(example.outputs))
    looker = open_looker(opening, None, "b")
    return (sighting.answer for sighting in look_at(looker, frame or noisy()))


def test_both_halves_of_the_list_have_the_same_tasks() -> None:
    """And each of them an example here."""
    assert [task.name for task in TASKS] == list(TASK_NAMES) == list(EXAMPLES)
    assert all(task_named(task.name) is task for task in TASKS)


def test_a_task_is_found_by_its_specs_and_options(
    task: DeviceTask[Any, Any, Any], example: TaskExample
) -> None:
    """By their tags, which are its name."""
    assert isinstance(example.spec, task.spec)
    assert isinstance(example.options, task.options)
    assert task_of(example.spec) is task
    assert task_name(example.spec) == options_task(example.options) == task.name


def test_a_spec_survives_its_manifest(example: TaskExample) -> None:
    """Written as JSON and read as one of all specs, it is the same."""
    assert msgspec.json.decode(msgspec.json.encode(example.spec), type=OutputSpec) == example.spec


def test_the_same_outputs_are_the_same_result(
    task: DeviceTask[Any, Any, Any], example: TaskExample
) -> None:
    """Of itself nothing differs, and of another result it is said what."""
    one, other = (task.decode(o, example.spec) for o in (example.outputs, example.others))
    assert task.difference(one, one, example.spec) == ""
    assert task.difference(one, task.decode(example.outputs, example.spec), example.spec) == ""
    assert "expected" in task.difference(one, other, example.spec)
    assert one.brief() != other.brief()
    assert one.headline() != other.headline()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_are_no_result(
    task: DeviceTask[Any, Any, Any], example: TaskExample, bad: float
) -> None:
    """Must not fire: a broken network gives no answer."""
    broken = tuple(np.full_like(output, bad) for output in example.outputs)
    with pytest.raises(ValueError, match="finite"):
        task.decode(broken, example.spec)


def test_a_stream_answers(example: TaskExample) -> None:
    """Each answer with the facts that filter, snapshots and people go by; nothing of it twice."""
    found = list(answers(example))
    assert found
    assert {answer.key for answer in found} == set(example.options.keys() or ("",))
    for answer in found:
        assert isinstance(answer.sure, bool)
        assert isinstance(answer.gist(), Hashable)
        assert answer.gist() == answer.gist()
        assert answer.lead(answer.gist()) <= 1
        assert "\n" not in answer.headline()
        assert answer.headline().strip()
        assert all("\n" not in line for line in answer.details())


def test_an_answer_survives_its_message(example: TaskExample) -> None:
    """Written as JSON and read as one of all answers, it is the same."""
    for answer in answers(example):
        assert msgspec.json.decode(msgspec.json.encode(answer), type=ANSWERS) == answer


def test_a_frame_in_doubt_gives_nothing_to_rely_on(example: TaskExample) -> None:
    """Whatever the network says: the camera has moved, or its light was off."""
    doubtful = replace(noisy(), doubt="not aligned")
    assert not any(answer.sure and answer.brief() for answer in answers(example, doubtful))


def test_typical_answers_are_about_what_a_stream_looks_at(
    task: DeviceTask[Any, Any, Any], example: TaskExample
) -> None:
    """One for each thing, so that whoever reckons with their size reckons with all."""
    typical = task.typical(example.options)
    assert [answer.key for answer in typical] == list(example.options.keys() or ("",))
    assert all(msgspec.json.encode(answer) for answer in typical)


def test_home_assistant_is_told_of_every_answer(
    task: DeviceTask[Any, Any, Any], example: TaskExample
) -> None:
    """Entities of distinct keys, each with a platform and a name, over a state of the stream."""
    topics = Topics("gate")
    found = dict(task.entities(example.options, example.spec, "s", topics))
    assert found
    assert len(found) == len(list(task.entities(example.options, example.spec, "s", topics)))
    states = {topics.state("s", key) for key in example.options.keys() or ("",)}
    assert {entity["state_topic"] for entity in found.values()} == states
    for key, entity in found.items():
        assert key.replace("_", "").replace("-", "").isalnum()
        assert entity["p"]
        assert entity["name"]
        assert json.loads(json.dumps(entity)) == entity


def test_options_refuse_what_they_do_not_know(
    task: DeviceTask[Any, Any, Any], example: TaskExample
) -> None:
    """And are the same again when they are written down."""
    written = msgspec.to_builtins(example.options)
    assert msgspec.convert(written, Options) == example.options
    for key in example.unknown:
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert({**written, key: 1}, Options)


def test_places_outside_the_frame_are_refused(example: TaskExample) -> None:
    """Before the first answer, the stream named; in a frame that has them all is well."""
    example.options.check_inside(64, 64, "s")
    with pytest.raises(ConfigError, match="stream 's'"):
        example.options.check_inside(20, 20, "s")


def test_a_bundle_for_another_task_is_refused(
    task: DeviceTask[Any, Any, Any], example: TaskExample
) -> None:
    """Whichever two they are."""
    for name, other in EXAMPLES.items():
        opening = Opening("s", other.spec, IMAGE, example.options, Given(other.outputs))
        if name == task.name:
            assert open_looker(opening, None, "b")
        else:
            with pytest.raises(TaskError, match=f"b: expected a bundle for the task {task.name}"):
                open_looker(opening, None, "b")
