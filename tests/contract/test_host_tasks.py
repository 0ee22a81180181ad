"""What every task of the host has to do, whichever it is."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
import torch
from support.host_task_examples import EXAMPLES, HostExample, open_example

from edge_agent.bundle.archive import Bundle
from edge_agent.tasks.kinds import task_name
from edge_agent.tasks.registry import TASKS as DEVICE_TASKS
from edge_agent.tasks.registry import task_of as device_task_of
from pipeline.checkpoints.checkpoint import fresh
from pipeline.common.distributed import Ranks
from pipeline.common.errors import RecipeError
from pipeline.data.base import SPLIT_NAMES
from pipeline.report.data import NetworkRow
from pipeline.report.page import render
from pipeline.run.run import Run
from pipeline.tasks import TASKS, task_named, task_of
from pipeline.tasks.recipes import decode_recipe
from pipeline.tasks.run_task import SPLIT_FILE, Evidence
from pipeline.tasks.task import HostTask


@pytest.fixture(name="task", params=TASKS, ids=[task.name for task in TASKS], scope="module")
def _task(request: pytest.FixtureRequest) -> HostTask:
    task: HostTask = request.param
    return task


@pytest.fixture(name="example", scope="module")
def _example(task: HostTask) -> HostExample:
    return EXAMPLES[task.name]


@pytest.fixture(name="run", scope="module")
def _run(example: HostExample, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return open_example(example, tmp_path_factory.mktemp("run"))


def test_host_and_device_have_the_same_tasks() -> None:
    """By their names, and each of them has an example here."""
    assert {task.name for task in TASKS} == {task.name for task in DEVICE_TASKS} == {*EXAMPLES}


def test_a_recipe_is_of_the_task_that_reads_its_data(task: HostTask, example: HostExample) -> None:
    """By the kind of data, which no other task has; its networks are those that can be built."""
    recipe = decode_recipe(example.recipe.encode(), "job")
    assert task_of(recipe) is task_named(task.name) is task
    assert recipe.model.arch in task.arches
    kinds = [kind.name for other in TASKS for kind in other.kinds]
    assert len(set(kinds)) == len(kinds)


def test_a_table_of_another_task_is_refused(task: HostTask, example: HostExample) -> None:
    """What only another task reads would be said for nothing."""
    for other in TASKS:
        for name in set(other.tables) - set(task.tables):
            (line,) = (
                line for line in EXAMPLES[other.name].recipe.splitlines() if line.startswith(name)
            )
            with pytest.raises(RecipeError, match=rf"^job: {name}: expected with "):
                decode_recipe(f"{line}\n{example.recipe}".encode(), "job")


def test_what_is_learnt_is_named_the_same_every_time(
    run: Run, example: HostExample, tmp_path: Path
) -> None:
    """Two openings of one recipe give one split and one identity, as JSON can hold them."""
    again = open_example(example, tmp_path)
    for mine, other in (
        (run.task.identity(), again.task.identity()),
        (run.task.data_identity(), again.task.data_identity()),
    ):
        assert msgspec.json.encode(mine) == msgspec.json.encode(other)
    assert run.dataset.sha256 == again.dataset.sha256


def test_the_splits_share_no_image(run: Run) -> None:
    """Each image has one name, and is in one split; the record says in which."""
    ids = [i for name in SPLIT_NAMES for i in run.dataset.split(name).ids]
    assert len(set(ids)) == len(ids) > 0


def test_the_record_names_every_image(run: Run, tmp_path: Path) -> None:
    """The file of the data stage lists the images of each split."""
    run.task.record(tmp_path)
    document = msgspec.json.decode((tmp_path / SPLIT_FILE).read_bytes())
    assert document["splits"] == {name: list(run.dataset.split(name).ids) for name in SPLIT_NAMES}


def test_perfect_answers_are_marked_as_perfect(run: Run, example: HostExample) -> None:
    """The metric is at its best, nothing is lost, and they agree with themselves."""
    truth, scores = run.task.truth("test"), example.perfect(run.task, "test")
    assert truth.score(scores).value == example.best
    assert truth.score(scores).samples == len(run.dataset.test)
    assert truth.agreement(scores, scores) == 1
    assert truth.expected_drop(scores, scores, 1.0) == 0
    assert len(run.task.answers(scores)) == len(run.task.brief("test")) == len(scores)


def test_other_answers_are_worse(run: Run, example: HostExample) -> None:
    """Answers of other images cost something, by the metric and by what is expected."""
    truth, scores = run.task.truth("test"), example.perfect(run.task, "test")
    other = scores[::-1].copy()
    assert truth.score(scores).drop_to(truth.score(other)) > 0
    assert truth.agreement(scores, other) < 1
    assert truth.expected_drop(scores, other, 1.0) > 0


def test_the_device_makes_of_the_scores_what_the_host_says(
    run: Run, example: HostExample, task: HostTask
) -> None:
    """The spec is the device's of the same name, and its answers say what is right."""
    scores = example.perfect(run.task, "val")
    spec = run.task.output(scores)
    assert task_name(spec) == task.name
    decode = device_task_of(spec).decode
    said = [decode((row[np.newaxis],), spec).brief() for row in scores]
    assert said == list(run.task.brief("val"))
    assert all(run.task.margin(row) >= 0 for row in scores)


def test_a_network_learns_from_it(run: Run) -> None:
    """A step and a measure give finite numbers, and so does what another network answers."""
    network, training = fresh(run.task.model, 0), run.recipe.train
    assert training is not None
    with run.task.training_data() as data:
        objective = data.objective(network.spec, training, Ranks())
        inputs, labels = next(objective.feed.batches((0, 0, 0), Ranks()))
        inputs, labels = inputs.cpu(), labels.cpu()
        answers = network.module(inputs)
        for loss in (objective.loss, objective.plain_loss):
            assert torch.isfinite(loss(inputs, answers, labels))
        assert objective.apart(answers, answers, 1.0, 2.0).abs() < 1e-5
        plain, targets = next(objective.feed.sample(0))
        assert len(plain) == len(targets)
        assert np.isfinite(objective.feed.measure(network.module, Ranks()).loss)
    assert run.task.pixels("calibration").shape[1:] == run.recipe.input.shape[1:]


def test_a_report_is_written(run: Run, example: HostExample) -> None:
    """Its page names the recipe, and has the section of its own data."""
    scores, truth = example.perfect(run.task, "test"), run.task.truth("test")
    row: dict[str, Any] = {"macs": 1, "parameters": 1, "size_bytes": 9, "validation": None}
    row |= {"validation": truth.score(scores), "test": truth.score(scores)}
    spec = run.task.output(example.perfect(run.task, "val"))
    manifest = SimpleNamespace(output=spec, input=run.recipe.input)
    bundle = cast("Bundle", SimpleNamespace(path="b", manifest=manifest))
    network = fresh(run.task.model, 0).module
    page = run.task.report(
        Evidence(bundle, scores, scores, network),
        name=run.recipe.name,
        created="2026-12-01T00:00:00+00:00",
        gates=(),
        rungs=(
            NetworkRow(name="trained", **row),
            NetworkRow(name="int8", drop=0.0, chosen=True, **row),
        ),
        phases=(),
        golden=(),
        golden_port=None,
        golden_tolerance=0,
        recipe_text=run.recipe_text.decode(),
    )
    html = render(page)
    assert f"<title>{run.recipe.name}" in html or run.recipe.name in html
    assert 'id="data"' in html
