"""The commands that stay, as processes on real files: each does what it says, and resumes."""

import json
import shutil
import signal
import subprocess
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto, wait_until
from support.commands import (
    ENVIRONMENT,
    HANGS_S,
    HOST,
    TINY,
    assert_nothing_half_written,
    begin,
    edgeward,
    edgeward_agent,
    snapshot,
    the_error,
    write_pictures,
)
from support.own_time import end_within

from edge_agent.common.exit_codes import ExitCode

STAGES = ["data", "train", "prune", "quantize", "export", "verify", "report"]


def verdicts(stderr: str) -> dict[str, str]:
    """What became of each stage: `done` or `unchanged`."""
    lines = [line.split(": ", 1) for line in stderr.splitlines() if ": " in line]
    return {
        name: what.split()[0]
        for name, what in lines
        if name in STAGES and what.startswith(("done in", "unchanged"))
    }


def test_a_second_build_finds_everything_as_it_was(finished: Path, tmp_path: Path) -> None:
    """Every stage says so, and no file of a stage is written again."""
    run = shutil.copytree(finished, tmp_path / "run")
    before = snapshot(run)
    done = edgeward("build", run / "recipe.toml", "--out", run)
    assert done.returncode == 0, done.stderr
    assert verdicts(done.stderr) == dict.fromkeys(STAGES, "unchanged")
    origin = {"recipe.origin": snapshot(run)["recipe.origin"]}
    assert snapshot(run) == {**before, **origin}
    assert_nothing_half_written(run)


def test_a_changed_key_reruns_only_what_depends_on_it(finished: Path, tmp_path: Path) -> None:
    """A gate is read by the last stages; the bundle carries the recipe's hash; no training."""
    run = shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "tiny.toml").write_text(TINY + "max_size_kb = 1000\n")
    done = edgeward("build", tmp_path / "tiny.toml", "--out", run)
    assert done.returncode == 0, done.stderr
    kept = dict.fromkeys(["data", "train", "prune", "quantize"], "unchanged")
    assert verdicts(done.stderr) == {**kept, "export": "done", "verify": "done", "report": "done"}
    assert "1 gate holds" in done.stderr


def test_a_single_stage_needs_what_comes_before_it(finished: Path, tmp_path: Path) -> None:
    """Out of order it names the stage that is missing; in order it does that stage alone."""
    run = shutil.copytree(finished, tmp_path / "run")
    shutil.rmtree(run / "quantize")
    shutil.rmtree(run / "report")
    before = snapshot(run)
    done = edgeward("export", run)
    assert done.returncode == ExitCode.RUN_FOLDER
    assert the_error(done) == (
        f"{run}/quantize: expected the finished stage 'quantize', found none or an altered one; "
        f"run: edgeward quantize {run}"
    )
    assert snapshot(run) == before
    done = edgeward("quantize", run)
    assert done.returncode == 0, done.stderr
    assert verdicts(done.stderr) == {"data": "unchanged", "quantize": "done"}
    assert not (run / "report").exists()
    # The same network and the same images: the same bytes, so what follows stands.
    assert (run / "quantize" / "quantised.onnx").read_bytes() == (
        finished / "quantize" / "quantised.onnx"
    ).read_bytes()


def test_a_folder_without_a_run_says_how_to_begin(tmp_path: Path) -> None:
    """And nothing is made there."""
    done = edgeward("train", tmp_path / "none")
    assert done.returncode == ExitCode.RUN_FOLDER
    assert the_error(done) == (
        f"{tmp_path}/none/recipe.toml: expected a run folder with its recipe, found none; "
        "begin one with --recipe RECIPE.toml, or with: edgeward build"
    )
    assert not (tmp_path / "none").exists()


def contains(log: Path, mark: str) -> bool:
    return mark in log.read_text()


def test_an_interrupted_training_ends_with_the_same_weights(
    tiny_recipe: Path, tmp_path: Path
) -> None:
    """Ctrl-C, then SIGKILL, then the same command again: the bits of an undisturbed run."""
    tiny_recipe.write_text(TINY.replace("epochs = 2", "epochs = 12", 1))
    command = ("build", tiny_recipe, "--out", tmp_path / "run")
    for number, epoch, status in (
        (signal.SIGINT, 2, ExitCode.INTERRUPTED),
        (signal.SIGKILL, 5, -signal.SIGKILL),
    ):
        log = tmp_path / f"{epoch}.log"
        process = begin(*command, log=log)
        mark = f"train {epoch}/12: "
        wait_until(partial(contains, log, mark), mark, HANGS_S)
        process.send_signal(number)
        assert process.wait(60) == status
    interrupted = (tmp_path / "2.log").read_text().splitlines()
    assert interrupted[-1] == "edgeward: interrupted; the same command goes on from here"
    assert "Traceback" not in "".join(interrupted)
    assert "train: resumed after" in (tmp_path / "5.log").read_text()
    assert not (tmp_path / "run" / "train").exists()
    again = edgeward("train", tmp_path / "run")
    assert again.returncode == 0, again.stderr
    assert "train: resumed after" in again.stderr
    straight = edgeward("train", tmp_path / "other", "--recipe", tiny_recipe)
    assert straight.returncode == 0, straight.stderr
    weights = [
        [file.name for file in (tmp_path / run / "train").glob("weights-*")]
        for run in ("run", "other")
    ]
    assert weights[0] == weights[1]
    assert len(weights[0]) == 1
    assert_nothing_half_written(tmp_path / "run")


def test_a_first_recipe_of_ones_own_images_builds(tmp_path: Path) -> None:
    """`init` tells of an empty class and a broken file; once mended, its recipe builds."""
    images = tmp_path / "my pictures"
    write_pictures(images, {"dark": 20, "light": 20})
    (images / "nothing").mkdir()
    (images / "dark" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    seen = edgeward("init", images, cwd=tmp_path)
    assert seen.returncode == 0, seen.stderr
    assert "unreadable: 1 (dark/broken.jpg)" in seen.stdout
    problem = f"{images}/nothing: expected images of class 'nothing', found none"
    assert f"cannot be built yet: {problem}" in seen.stdout
    recipe = tmp_path / "my pictures.toml"
    assert seen.stdout.endswith("recipe my pictures.toml; next: edgeward build my pictures.toml\n")
    (images / "nothing").rmdir()
    again = edgeward("init", images, cwd=tmp_path)
    assert again.returncode == ExitCode.RECIPE
    assert the_error(again) == (
        "my pictures.toml: expected no file there yet, found one; it was left as it is"
    )
    assert edgeward("init", images, "--force", cwd=tmp_path).returncode == 0
    lines = [
        "epochs = 1" if line.startswith("epochs = ") else line
        for line in recipe.read_text().splitlines()
        if not line.startswith("max_")
    ]
    # Four pictures of each class are tested on; all would have to be right after one epoch.
    recipe.write_text("\n".join(lines).replace("# min_class_recall = 0.7", "min_class_recall = 0"))
    built = edgeward("build", recipe, "--out", tmp_path / "run")
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "run" / "verify" / "my-pictures.edgeward").is_file()
    split = json.loads((tmp_path / "run" / "data" / "split.json").read_text())
    assert split["labels"] == ["dark", "light"]
    assert split["skipped"] == ["dark/broken.jpg"]


def test_bench_measures_a_built_bundle(finished: Path) -> None:
    """The keys that the documents promise, for programs."""
    done = edgeward_agent(
        "bench", finished / "verify" / "tiny.edgeward", "--json", "--seconds", 0.05
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report) == {
        *("schema", "bundle", "id", "machine", "runtime", "cores"),
        *("first_inference_ms", "peak_rss_mb", "best_threads", "threads"),
    }
    assert (report["schema"], report["bundle"]) == ("edgeward.bench/1", "tiny")
    for row in report["threads"]:
        for step in ("preprocess_ms", "invoke_ms", "decode_ms", "total_ms"):
            assert set(row[step]) == {"p50", "p90", "p99"}


def test_watch_shows_every_result_and_the_account(
    finished: Path, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """A built bundle, the agent and `watch --json` as processes; Ctrl-C ends both well."""
    images = tmp_path / "images"
    images.mkdir()
    for number in range(3):
        cv2.imwrite(str(images / f"{number}.png"), np.full((20, 20, 3), 80 * number, np.uint8))
    source = f'{{ kind = "images", path = "{images}", loop = true }}'
    bundle = finished / "verify" / "tiny.edgeward"
    config = write_config(tmp_path, mosquitto.url, bundle, source, stream="interval_s = 0.05")
    shown, account = tmp_path / "watch.out", tmp_path / "watch.err"
    with shown.open("wb") as out, account.open("wb") as err:
        watch = subprocess.Popen(
            [*HOST, "watch", "--broker", mosquitto.url, "--device", "gate", "--json"],
            env=ENVIRONMENT,
            stdout=out,
            stderr=err,
        )
    with Agent(config) as agent:
        wait_until(lambda: shown.read_text().count("edgeward.result/1") >= 5, "results")
        agent.process.send_signal(signal.SIGINT)
        assert end_within(agent.process, 5) == 0
    wait_until(lambda: '"offline"' in shown.read_text(), "the agent's goodbye")
    time.sleep(0.1)
    watch.send_signal(signal.SIGINT)
    assert watch.wait(60) == 0
    messages = [json.loads(line) for line in shown.read_text().splitlines()]
    results = [m for m in messages if m["schema"] == "edgeward.result/1"]
    numbers = sorted(m["seq"] for m in results)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert all(m["result"]["label"] in "0123456789" for m in results)
    assert account.read_text() == f"{len(results)} received, 0 lost, 0 duplicated\n"
    assert "Traceback" not in agent.log.read_text()


@pytest.mark.parametrize("command", ["build", "watch", "demo", "init"])
def test_wrong_usage_is_status_2(command: str) -> None:
    """The command's own words, and no traceback."""
    done = edgeward(command, "--no-such-option")
    assert done.returncode == ExitCode.USAGE
    assert "no-such-option" in done.stderr
    assert "Traceback" not in done.stderr
