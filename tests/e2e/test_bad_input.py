"""Bad input to real commands: one clear line, a status of its own, nothing half-written."""

import json
import resource
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port, wait_until
from support.commands import (
    TINY,
    assert_nothing_half_written,
    edgeward,
    edgeward_agent,
    snapshot,
    the_error,
    write_pictures,
)

from edge_agent.client import Subscriber
from edge_agent.common.exit_codes import ExitCode
from edge_agent.contract.messages import AvailabilityMessage
from edge_agent.tasks.kinds import TASK_NAMES

FOLDER = (
    TINY.replace('kind = "digits"', 'kind = "image-folder"\npath = "pictures"')
    .replace("train_limit = 300", "")
    .replace("calibration = 32", "calibration = 4")
)


def missing(_pictures: Path) -> None:
    """No data folder at all."""


def empty(pictures: Path) -> None:
    pictures.mkdir()


def one_class(pictures: Path) -> None:
    write_pictures(pictures, {"cat": 5})


def class_without_images(pictures: Path) -> None:
    write_pictures(pictures, {"cat": 5, "dog": 0})


def corrupt(pictures: Path) -> None:
    write_pictures(pictures, {"cat": 12, "dog": 12})
    whole = (pictures / "cat" / "00.png").read_bytes()
    (pictures / "cat" / "00.png").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            missing,
            "data.path: expected a folder of images at {root}/pictures or {here}/pictures, "
            "found nothing",
        ),
        (
            empty,
            "{here}/pictures: expected one sub-folder of images per class, found no sub-folder",
        ),
        (one_class, "{here}/pictures: expected at least two classes, found only 'cat'"),
        (
            class_without_images,
            "{here}/pictures/dog: expected images of class 'dog', found none",
        ),
        (
            corrupt,
            "{here}/pictures/cat/00.png: expected an image, found {half} bytes that OpenCV cannot "
            'decode. data.on_unreadable = "skip" leaves such files out',
        ),
    ],
    ids=["missing", "empty", "one class", "empty class", "corrupt image"],
)
def test_data_that_cannot_be_trained_on(
    make: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    """Place, expected and found; the user's folder stays as it was and no stage appears."""
    make(tmp_path / "pictures")
    recipe = tmp_path / "job.toml"
    recipe.write_text(FOLDER)
    before = snapshot(tmp_path)
    root, run = tmp_path / "root", tmp_path / "run"
    done = edgeward("build", recipe, "--data-root", root, "--out", run)
    assert done.returncode == ExitCode.DATA
    broken = tmp_path / "pictures" / "cat" / "00.png"
    half = broken.stat().st_size if broken.exists() else 0
    assert the_error(done) == message.format(root=root, here=tmp_path, half=half)
    assert_nothing_half_written(run)
    assert not (run / "data").exists()
    shutil.rmtree(run)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "epochs = 2",
            "epochs = 2\nepoch = 3",
            "unknown key 'epoch' in train, expected one of epochs, balance, keep, patience, "
            "batch_size, optimizer, lr, momentum, weight_decay, warmup_epochs, label_smoothing, "
            "ema, head_epochs, head_views, backbone_lr, layer_decay, norm_momentum, mixup, cutmix, "
            "augment",
        ),
        ("height = 8", "height = 100000", "Expected `int` <= 8192 - at `$.input.height`"),
    ],
    ids=["unknown key", "absurd value"],
)
def test_a_recipe_that_is_wrong(old: str, new: str, message: str, tmp_path: Path) -> None:
    """Refused before anything is made."""
    recipe = tmp_path / "job.toml"
    recipe.write_text(TINY.replace(old, new, 1))
    done = edgeward("build", recipe, "--out", tmp_path / "run")
    assert done.returncode == ExitCode.RECIPE
    assert the_error(done) == f"{recipe}: {message}"
    assert not (tmp_path / "run").exists()


def test_a_pruning_target_out_of_reach(finished: Path, tmp_path: Path) -> None:
    """The least that can be reached is said; the training before it is kept."""
    run = shutil.copytree(finished, tmp_path / "run")
    recipe = tmp_path / "job.toml"
    recipe.write_text(TINY.replace("macs = 0.7", "macs = 0.001"))
    done = edgeward("build", recipe, "--out", run)
    assert done.returncode == ExitCode.BUDGET
    assert the_error(done) == (
        "prune.macs: expected a share that resnet8 can be cut down to in steps of 8 channels, "
        "found 0.001; the least reachable is 0.1346"
    )
    assert "train: unchanged" in done.stderr
    assert_nothing_half_written(run)


def test_a_gate_that_does_not_hold(finished: Path, tmp_path: Path) -> None:
    """By how much is said, and no bundle is there: not even the one an older budget let by."""
    run = shutil.copytree(finished, tmp_path / "run")
    assert (run / "verify").is_dir()
    recipe = tmp_path / "job.toml"
    recipe.write_text(TINY + "max_size_kb = 1\n")
    done = edgeward("build", recipe, "--out", run)
    assert done.returncode == ExitCode.GATE
    size = (run / "export" / "candidate" / "model.tflite").stat().st_size / 1000
    assert the_error(done).startswith("budget: size: expected at most 1.00 kB, measured ")
    assert size > 1
    report = run / "verify.failed" / "report.html"
    assert the_error(done).endswith(f" kB; report {report}")
    assert "failed: size; no bundle was written" in report.read_text(encoding="utf-8")
    assert not (run / "verify").exists()
    assert_nothing_half_written(run)


def test_a_full_disk(tiny_recipe: Path, tmp_path: Path) -> None:
    """One line and a status; no file is left cut off under any name."""

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))

    run = tmp_path / "run"
    done = edgeward("train", run, "--recipe", tiny_recipe, before=small_files)
    assert done.returncode == ExitCode.MACHINE
    place = the_error(done).removesuffix(": the system refuses: File too large")
    assert Path(place).is_relative_to(run / ".work")
    assert Path(place).suffix in (".pt", ".safetensors")
    assert not [name for name in snapshot(run) if name.endswith(".part")]
    assert not (run / "train").exists()


IMAGES = '{{ kind = "images", path = "{folder}" }}'


def agent_fails(config: Path) -> "subprocess.CompletedProcess[str]":
    """`run` that ends by itself; it leaves no file of its own."""
    before = snapshot(config.parent)
    done = edgeward_agent("--log-level", "error", "run", "--config", config)
    assert snapshot(config.parent) == before
    return done


def test_a_bundle_with_one_byte_changed(finished: Path, tmp_path: Path) -> None:
    """`bench` and `run` both refuse it, naming the file and both hashes."""
    bundle = shutil.copytree(finished / "verify" / "bundle", tmp_path / "bundle")
    model = bytearray((bundle / "model.tflite").read_bytes())
    expected = sha256(model).hexdigest()
    model[len(model) // 2] ^= 1
    (bundle / "model.tflite").write_bytes(model)
    message = (
        f"{bundle}/model.tflite: expected SHA-256 {expected}, found {sha256(model).hexdigest()}"
    )
    source = IMAGES.format(folder=tmp_path)
    config = write_config(tmp_path, f"mqtt://127.0.0.1:{free_port()}", bundle, source)
    for done in (edgeward_agent("bench", bundle), agent_fails(config)):
        assert (done.returncode, the_error(done)) == (ExitCode.BUNDLE, message)


def test_an_archive_with_one_byte_changed(finished: Path, tmp_path: Path) -> None:
    """The same of the one-file form."""
    archive = tmp_path / "tiny.edgeward"
    raw = bytearray((finished / "verify" / "tiny.edgeward").read_bytes())
    raw[len(raw) // 2] ^= 1
    archive.write_bytes(raw)
    done = edgeward_agent("bench", archive)
    assert done.returncode == ExitCode.BUNDLE
    assert the_error(done).startswith(
        f"{archive}: expected a bundle archive, found a damaged one: Bad CRC-32 for file"
    )


def test_a_bundle_of_another_task(finished: Path, tmp_path: Path) -> None:
    """A sound bundle, its hashes right, for a task this agent does not know."""
    bundle = shutil.copytree(finished / "verify" / "bundle", tmp_path / "bundle")
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["output"] = {"task": "detect", "anchors": [1]}
    text = json.dumps(manifest).encode()
    (bundle / "manifest.json").write_bytes(text)
    (bundle / "manifest.sha256").write_text(f"{sha256(text).hexdigest()}  manifest.json\n")
    source = IMAGES.format(folder=tmp_path)
    config = write_config(tmp_path, f"mqtt://127.0.0.1:{free_port()}", bundle, source)
    done = agent_fails(config)
    assert done.returncode == ExitCode.BUNDLE_TASK
    assert the_error(done) == (
        f"{bundle}/manifest.json: expected a bundle for the task {' or '.join(TASK_NAMES)}, "
        "found 'detect'"
    )


def test_a_broker_where_nothing_listens() -> None:
    """`watch` does not wait for what is not there."""
    url = f"mqtt://127.0.0.1:{free_port()}"
    done = edgeward("watch", "--broker", url)
    assert done.returncode == ExitCode.BROKER
    assert the_error(done) == f"{url}: cannot be reached: [Errno 111] Connection refused"


def test_an_address_that_is_none() -> None:
    """Said before anything is tried."""
    done = edgeward("watch", "--broker", "http://example.org")
    assert done.returncode == ExitCode.BROKER
    assert the_error(done).endswith(
        "expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT], found 'http://example.org'"
    )


def test_a_broker_that_refuses(
    mosquitto_factory: Callable[..., Mosquitto], bright_path: Path, tmp_path: Path
) -> None:
    """It asks for a password: `watch` and `check` say so; `run` keeps its results and tries on."""
    broker = mosquitto_factory("allow_anonymous false")
    refusal = f"{broker.url}: refuses this client: Not authorized"
    done = edgeward("watch", "--broker", broker.url)
    assert (done.returncode, the_error(done)) == (ExitCode.BROKER, refusal)
    write_pictures(tmp_path, {"pictures": 2})
    source = f'{{ kind = "images", path = "{tmp_path}/pictures", loop = true }}'
    config = write_config(tmp_path, broker.url, bright_path, source, stream="interval_s = 0.1")
    checked = edgeward_agent("check", "--config", config)
    assert checked.returncode == ExitCode.BROKER
    failed = [line for line in checked.stdout.splitlines() if line.startswith("failed")]
    assert len(failed) == 1
    assert failed[0].startswith(f"failed  broker: {refusal}; ")
    with Agent(config) as agent:
        warning = f"WARNING {refusal}; trying again in "
        wait_until(lambda: warning in agent.log.read_text(), "the refusal", 15)
        assert agent.terminate() == 0
    assert "Traceback" not in agent.log.read_text()


def test_a_broker_that_lets_nobody_publish(
    mosquitto_factory: Callable[..., Mosquitto], bright_path: Path, tmp_path: Path
) -> None:
    """An access list without us: `check` tells it from a password."""
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    acl.chmod(0o600)
    broker = mosquitto_factory(f"acl_file {acl}")
    write_pictures(tmp_path, {"pictures": 1})
    source = IMAGES.format(folder=tmp_path / "pictures")
    config = write_config(tmp_path, broker.url, bright_path, source)
    done = edgeward_agent("check", "--config", config)
    assert done.returncode == ExitCode.BROKER
    failed = done.stdout.splitlines()[-1]
    assert failed.startswith(f"failed  broker: {broker.url}: may not publish: Not authorized")


def test_an_absent_camera(mosquitto: Mosquitto, bright_path: Path, tmp_path: Path) -> None:
    """`check` ends with its status; `run` waits for it and says so to subscribers."""
    config = write_config(tmp_path, mosquitto.url, bright_path, '{ kind = "camera", index = 63 }')
    absent = "camera 63: expected a camera, found no such device"
    done = edgeward_agent("check", "--config", config)
    assert done.returncode == ExitCode.SOURCE
    assert f"failed  source of front: {absent}; is it plugged in" in done.stdout
    assert "Traceback" not in done.stderr
    with Subscriber(mosquitto.url, "gate") as subscriber, Agent(config) as agent:
        said = hear(subscriber, AvailabilityMessage)
        while not said.reason:
            said = hear(subscriber, AvailabilityMessage)
        assert (said.state, said.reason) == ("offline", absent)
        assert agent.terminate() == 0
    log = agent.log.read_text()
    assert f"WARNING {absent}; trying again in " in log
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("region", "step", "message"),
    [
        (
            "rect = { x = 0, y = 0, w = 17, h = 12 }",
            "source of front",
            "stream 'front', region 'display': expected a region inside the 16x12 frame, "
            "found a corner at 17, 0",
        ),
        (
            "rect = { x = 0, y = 0, w = 16, h = 4 }\npattern = '[A-Z]+'",
            "bundle of front",
            "stream 'front', region 'display': pattern '[A-Z]+' cannot match: no text of the "
            "model's characters would do",
        ),
        (
            "rect = { x = 0, y = 0, w = 16, h = 4 }\npattern = '0{9}'",
            "bundle of front",
            "stream 'front', region 'display': pattern '0{9}': expected texts that fit the 16 "
            "steps of the model along a line, found none below 17",
        ),
    ],
    ids=["outside the frame", "no such characters", "too long"],
)
def test_a_region_that_cannot_be_read(
    region: str,
    step: str,
    message: str,
    mosquitto: Mosquitto,
    stripes_path: Path,
    tmp_path: Path,
) -> None:
    """`check` names stream, region and reason, tries all the rest, and leaves nothing behind."""
    write_pictures(tmp_path, {"pictures": 1})
    stream = f'task = "ocr"\n[[stream.regions]]\nname = "display"\n{region}'
    source = IMAGES.format(folder=tmp_path / "pictures")
    config = write_config(tmp_path, mosquitto.url, stripes_path, source, stream=stream)
    before = set(snapshot(tmp_path))
    done = edgeward_agent("check", "--config", config)
    assert done.returncode == ExitCode.CONFIG
    failed = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
    assert failed == [f"failed  {step}: {message}; mend the file; see deploy/agent.example.toml"]
    assert set(snapshot(tmp_path)) == before
