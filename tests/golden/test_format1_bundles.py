"""Bundles of format 1, made by the last build that wrote them, go on saying what they said."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge_agent.bench import bench
from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.ports import Ports
from edge_agent.check import check
from edge_agent.common.arrays import I8, U8
from edge_agent.inference.network import Network
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.ocr.spec import TextSpec

FOLDER = Path(__file__).parent / "format1"
NAMES = ("digits", "counters")
# Exponentials differ by their last bits between processors; the outputs are what must not.
ULPS = 1e-6

CONFIG = """
device.name = "gate"
broker.url = "mqtt://127.0.0.1:9"
outbox.path = "outbox.db"
[[stream]]
name = "door"
bundle = "{bundle}"
source = {{ kind = "images", path = "none" }}
{task}
"""
TASKS = {
    "digits": 'task = "classify"',
    "counters": """
task = "ocr"
regions = [{ name = "r", corners = [[0, 0], [9, 0], [9, 9], [0, 9]] }]
""",
}


@dataclass(frozen=True, eq=False)
class Record:
    """A picture or golden frame, its raw output and its answer as that build had them."""

    image: U8
    order: Any
    raw: I8
    answer: dict[str, Any]


def records(name: str, bundle: Bundle) -> Iterator[Record]:
    rows = json.loads((FOLDER / f"{name}.json").read_text())
    with np.load(FOLDER / f"{name}.npz") as pictures:
        for row in rows:
            raw = np.array(row["raw"], np.int8)
            if "golden" in row:
                yield Record(bundle.golden[row["golden"]].image, "rgb", raw, row["answer"])
            else:
                image = pictures[f"image_{row['image']}"]
                yield Record(image, row["order"], raw, row["answer"])


@pytest.fixture(name="bundle", params=NAMES)
def _bundle(request: pytest.FixtureRequest) -> Bundle:
    return open_bundle(FOLDER / f"{request.param}.edgeward")


@pytest.fixture(name="recognize")
def _recognize(bundle: Bundle) -> Iterator[TfliteRecognizer]:
    """Opening it replays its golden frames."""
    with TfliteRecognizer(bundle) as recognize:
        yield recognize


def same(answer: Any, wanted: Any) -> bool:
    """Whether two answers are the same in every field, probabilities but for their last bits."""
    if isinstance(wanted, dict):
        return set(answer) == set(wanted) and all(same(answer[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        pairs = zip(answer, wanted, strict=True)
        return len(answer) == len(wanted) and all(same(a, w) for a, w in pairs)
    if isinstance(wanted, float):
        return bool(abs(answer - wanted) <= ULPS)
    return type(answer) is type(wanted) and bool(answer == wanted)


def test_a_raw_output_of_then_is_answered_as_then(
    bundle: Bundle, recognize: TfliteRecognizer
) -> None:
    """Labels, texts, order, `sure` and every probability of each picture and golden frame."""
    for record in records(bundle.manifest.name, bundle):
        answer = msgspec.to_builtins(recognize.decode((record.raw,)))
        assert same(answer, record.answer)


def test_a_picture_of_then_gives_the_outputs_of_then(bundle: Bundle) -> None:
    """Cropping, colours, scales and kernels together, within what processors differ by."""
    tolerance = bundle.manifest.golden.tolerance_quanta
    with Network(bundle.model, Ports.of(bundle.manifest), 1, "then") as network:
        for record in records(bundle.manifest.name, bundle):
            raw = network(record.image, record.order)[0].reshape(-1).astype(int)
            assert np.abs(raw - record.raw.reshape(-1)).max() <= tolerance


def test_the_records_can_tell_a_wrong_answer(bundle: Bundle, recognize: TfliteRecognizer) -> None:
    """Must fire: of pictures that say different things no two are taken for the same."""
    answers = {json.dumps(r.answer) for r in records(bundle.manifest.name, bundle)}
    assert len(answers) > 8
    first, *others = records(bundle.manifest.name, bundle)
    assert not all(
        same(msgspec.to_builtins(recognize.decode((other.raw,))), first.answer) for other in others
    )


def test_what_a_manifest_of_then_says_is_known() -> None:
    """Figures, gates and what the outputs mean, read from the fields that they had then."""
    digits = open_bundle(FOLDER / "digits.edgeward")
    assert digits.id == "f674873febf6ed910dc7c85e3c6cb8a6b69e9c6d2bc31a7817c2a997f5917034"
    metrics, budget, output = (
        digits.manifest.metrics,
        digits.manifest.budget,
        digits.manifest.output,
    )
    assert metrics is not None
    assert budget is not None
    assert isinstance(output, ClassifySpec)
    assert metrics.balance is not None
    assert metrics.balance.weakest.label == "8"
    assert (budget.min_accuracy, budget.max_size_kb) == (0.8, 60)
    assert output.temperature == 1.7385
    counters = open_bundle(FOLDER / "counters.edgeward")
    assert counters.id == "1abde4e17819febf865772598d97450f66c75ebb70614021943a7fefc2a67c81"
    text = counters.manifest.output
    assert isinstance(text, TextSpec)
    assert text.promise is not None
    assert text.promise.samples == 45


@pytest.mark.parametrize("name", NAMES)
def test_check_accepts_a_bundle_of_then(name: str, tmp_path: Path) -> None:
    """The command that a device asks before it takes a configuration over."""
    config, said = tmp_path / "agent.toml", list[str]()
    bundle = FOLDER / f"{name}.edgeward"
    config.write_text(CONFIG.format(bundle=bundle, task=TASKS[name]))
    check(config, said.append)
    (line,) = [line for line in said if "golden frames" in line]
    assert line.startswith("ok")
    assert "8 golden frames within" in line


def test_bench_measures_a_bundle_of_then(bundle: Bundle) -> None:
    """The command that tells how fast it is."""
    report = bench(bundle, seconds=0)
    assert report.id == bundle.id
    assert report.threads[0].rounds >= 20
