"""A network that int8 hurts: the ladder as the commands climb it, killed and gone on."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from support.brokers import wait_until
from support.commands import HANGS_S, assert_nothing_half_written, begin, edgeward, the_error

from edge_agent.common.exit_codes import ExitCode

# Some seconds of learning: a drop is one only of what has learnt something.
LEARNT = """
name = "hurt"
seed = 1
data = { kind = "digits", val = 0.1, test = 0.1, calibration = 32, train_limit = 800 }
input = { height = 8, width = 8, colour = "gray", mean = [0.5], std = [0.5] }
model = { arch = "vgg_tiny" }
train = { epochs = 3, batch_size = 32, ema = 0.9 }
"""
# Ranges that cut half of every activation off, and a fine-tuning that makes up for it.
LADDER = """
[quantize]
calibration = "percentile"
percentile = 60
remedies = ["finetune", "rounding"]
[quantize.finetune]
epochs = 8
batch_size = 32
optimizer = "adamw"
lr = 1e-3
warmup_epochs = 0
ema = 0.9
[budget]
max_drop = 0.1
"""


@pytest.fixture(name="learnt", scope="module")
def _learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose training is done; tests copy it."""
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "hurt.toml").write_text(LEARNT)
    done = edgeward("train", folder / "run", "--recipe", folder / "hurt.toml")
    assert done.returncode == 0, done.stderr
    return folder / "run"


def quantised(run: Path) -> bytes:
    return (run / "quantize" / "quantised.onnx").read_bytes()


def test_a_killed_fine_tuning_goes_on_and_ends_with_the_same_network(
    learnt: Path, tmp_path: Path
) -> None:
    """SIGKILL in its middle: the rungs before are not made again, the result is the same."""
    run, straight = tmp_path / "run", tmp_path / "straight"
    recipe = tmp_path / "hurt.toml"
    recipe.write_text(LEARNT + LADDER)
    for folder in (run, straight):
        shutil.copytree(learnt, folder)
    log = tmp_path / "killed.log"
    process = begin("quantize", run, "--recipe", recipe, log=log)
    mark = "fine-tune int8 3/8: "
    wait_until(lambda: mark in log.read_text(), mark, HANGS_S)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    again = edgeward("quantize", run)
    assert again.returncode == 0, again.stderr
    assert "fine-tune int8: resumed after" in again.stderr
    assert_nothing_half_written(run)
    undisturbed = edgeward("quantize", straight, "--recipe", recipe)
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert quantised(run) == quantised(straight)
    rungs = [json.loads((f / "quantize/ladder.json").read_text())["rungs"] for f in (run, straight)]
    assert [rung["name"] for rung in rungs[0]] == ["int8", "learned rounding", "fine-tuned"]
    drops = [[rung["figures"]["expected_drop"] for rung in ladder] for ladder in rungs]
    assert drops[0] == drops[1]
    # What had been made before the kill kept its time: it was not made again.
    before, after = (
        [line for line in text.splitlines() if "learned rounding" in line]
        for text in (log.read_text(), again.stderr)
    )
    assert before == after


def test_a_hurt_network_is_built_up_the_ladder_and_reported(learnt: Path, tmp_path: Path) -> None:
    """Every rung stands in the report, and the last one is what ships."""
    run = shutil.copytree(learnt, tmp_path / "run")
    recipe = tmp_path / "hurt.toml"
    recipe.write_text(LEARNT + LADDER.replace("max_drop = 0.1", "max_drop = 0.25"))
    done = edgeward("build", recipe, "--out", run)
    assert done.returncode == 0, done.stderr
    for name in ("int8", "learned rounding", "fine-tuned"):
        assert f"quantize: {name}: val " in done.stderr
        assert f">{name}" in (run / "report" / "report.html").read_text()
    rungs = json.loads((run / "report" / "rungs.json").read_text())
    assert [rung["name"] for rung in rungs if rung["chosen"]] == ["fine-tuned"]


def test_a_budget_out_of_reach_fails_the_build_and_says_by_how_much(
    learnt: Path, tmp_path: Path
) -> None:
    """With the status of a gate, one line, and what the recipe did not allow."""
    run = shutil.copytree(learnt, tmp_path / "run")
    recipe = tmp_path / "hurt.toml"
    text = LADDER.replace('["finetune", "rounding"]', '["rounding"]').replace("0.1", "0.002")
    recipe.write_text(LEARNT + text)
    done = edgeward("build", recipe, "--out", run)
    assert done.returncode == ExitCode.GATE
    message = the_error(done)
    assert message.startswith("budget: quantisation drop: expected at most 0.2 points, found ")
    assert " points too much; quantize.remedies does not allow ranges, " in message
