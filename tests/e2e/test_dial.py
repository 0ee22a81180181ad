"""Gauges from the recipe to a subscriber: built, proven, judged, run, and heard with their unit."""

from pathlib import Path

import cv2
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto
from support.commands import edgeward
from support.host_task_examples import EXAMPLES

from edge_agent.bundle.archive import open_bundle
from edge_agent.client import Subscriber
from edge_agent.contract.messages import ResultMessage
from edge_agent.mqtt.endpoint import Broker, parse_endpoint
from edge_agent.tasks.regress.answer import Measurement
from edge_agent.tasks.regress.spec import Quantity, RegressSpec
from pipeline.tasks.regress.drawn import draw_gauges


@pytest.fixture(name="built", scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a small job; what it learns does not matter."""
    folder = tmp_path_factory.mktemp("dial")
    (folder / "values.toml").write_text(EXAMPLES["regress"].recipe)
    done = edgeward("build", folder / "values.toml", "--out", folder / "run")
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(name="bundle")
def _bundle(built: Path) -> Path:
    return built / "verify" / "values.edgeward"


@pytest.fixture(name="photos")
def _photos(tmp_path: Path) -> Path:
    """A folder of three gauges, with the table of what they show."""
    folder = tmp_path / "photos"
    folder.mkdir()
    pressure = Quantity(name="pressure", unit="bar", low=0, high=10)
    split = draw_gauges(pressure, 3, 64, 9).train.split
    lines = ["file,pressure"]
    for name, (value,), place in zip(split.ids, split.labels, range(3), strict=True):
        cv2.imwrite(str(folder / f"{name}.png"), split.images[place])
        lines.append(f"{name}.png,{value}")
    (folder / "values.csv").write_text("\n".join(lines))
    return folder


def test_the_bundle_has_the_error_in_its_unit(built: Path, bundle: Path) -> None:
    """With a bootstrap interval that holds it, and the report says so."""
    manifest = open_bundle(bundle).manifest
    assert isinstance(manifest.output, RegressSpec)
    assert manifest.metrics is not None
    score = manifest.metrics.int8_score
    assert (score.metric, score.unit) == ("mean absolute error", "bar")
    assert score.low is not None
    assert score.high is not None
    assert 0 <= score.low <= score.value <= score.high <= 10
    assert "in the mean" in (built / "report" / "report.html").read_text()


def test_a_table_of_values_is_evaluated(bundle: Path, photos: Path) -> None:
    """The mean error and the largest ones, each in the unit; no share of right answers."""
    done = edgeward("evaluate", bundle, photos)
    assert done.returncode == 0, done.stderr
    assert "3 pictures" in done.stdout
    assert "mean absolute error" in done.stdout
    assert " bar " in done.stdout
    assert "%" not in done.stdout


def test_a_gauge_is_heard_with_its_unit(
    bundle: Path, photos: Path, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The agent runs the bundle; a subscriber is sent the value, its unit and its range."""
    source = f'{{ kind = "images", path = "{photos}", loop = true }}'
    config = write_config(
        tmp_path, mosquitto.url, bundle, source, stream='task = "regress"\ninterval_s = 0.1'
    )
    with Subscriber(Broker(parse_endpoint(mosquitto.url)), "gate") as subscriber, Agent(config):
        result = hear(subscriber, ResultMessage).result
    assert isinstance(result, Measurement)
    (pressure,) = result.quantities
    assert (pressure.name, pressure.unit, pressure.low, pressure.high) == ("pressure", "bar", 0, 10)
    assert 0 <= pressure.value <= 10
