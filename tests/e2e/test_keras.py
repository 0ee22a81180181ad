"""Cats and dogs from Keras, by its own export: as they are, and trained further, to a bundle."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import edgeward

from edge_agent.bundle.archive import open_bundle

ROOT = Path(__file__).parents[2]
KERAS = ROOT / ".venv-keras"
EXPORTER = ROOT / "tests" / "support" / "keras_exporter.py"

pytestmark = pytest.mark.skipif(
    not (KERAS / ".installed").exists(), reason="Keras is not here: make test-keras installs it"
)

RECIPE = """
name = "{name}"
seed = 1
data = {{ kind = "image-folder", path = "pictures", val = 0.3, test = 0.3, calibration = 16 }}
budget = {{ min_class_recall = 0 }}

[input]
height = 24
width = 24
colour = "rgb"
mean = [0, 0, 0]
std = [0.00392157, 0.00392157, 0.00392157]

[model]
{model}
{more}
"""


@pytest.fixture(name="exported", scope="module")
def _exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures, and Keras' networks for them."""
    folder = tmp_path_factory.mktemp("keras")
    done = subprocess.run(
        [sys.executable, EXPORTER, folder],
        env={**os.environ, "PYTHONPATH": str(KERAS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def built(folder: Path, name: str, model: str, more: str = "") -> Path:
    recipe = folder / f"{name}.toml"
    recipe.write_text(RECIPE.format(name=name, model=model, more=more))
    done = edgeward("build", recipe, "--out", folder / "runs" / name)
    assert done.returncode == 0, done.stderr
    return folder / "runs" / name / "verify" / f"{name}.edgeward"


@pytest.mark.parametrize("form", ["softmax", "sigmoid", "mobile"])
def test_a_network_of_keras_ships_as_it_is(form: str, exported: Path) -> None:
    """Quantised and proven; its int8 answers are those of Keras itself."""
    bundle = open_bundle(built(exported, form, f'onnx = "{form}.onnx"'))
    metrics = bundle.manifest.metrics
    assert metrics is not None
    assert metrics.int8_score.value > 0.9
    assert metrics.agreement > 0.95
    assert bundle.manifest.output.labels == ("cat", "dog")  # type: ignore[union-attr]


def test_a_network_of_keras_is_trained_further_and_pruned(exported: Path) -> None:
    """The same file as `arch`, for twice as few multiplications."""
    more = (
        "[train]\nepochs = 2\nbatch_size = 16\nlr = 1e-3\nema = 0.9\n"
        "[prune]\nmacs = 0.6\nround_to = 2\n"
        "train = { epochs = 4, batch_size = 16, lr = 1e-2, ema = 0.9 }"
    )
    bundle = open_bundle(built(exported, "further", 'arch = "onnx:mobile.onnx"', more))
    assert bundle.manifest.metrics is not None
    assert bundle.manifest.metrics.int8_score.value > 0.6
