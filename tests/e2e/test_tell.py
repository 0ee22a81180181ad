"""`edgeward tell` and `watch` with a real agent, by a broker that asks who one is."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto, wait_until
from support.certificates import certificate
from support.commands import ENVIRONMENT, HOST, edgeward, the_error

from edge_agent.common.exit_codes import ExitCode


@pytest.fixture(name="secured", scope="module")
def _secured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a broker's certificate, and a file of credentials that it knows."""
    folder = tmp_path_factory.mktemp("secured")
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("needs mosquitto_passwd")
    certificate(folder, "broker")
    known = folder / "known"
    subprocess.run([tool, "-b", "-c", str(known), "me", "x"], check=True, capture_output=True)
    (folder / "secret").write_text("me:x\n")
    (folder / "secret").chmod(0o600)
    return folder


@pytest.fixture(name="reached")
def _reached(
    secured: Path,
    mosquitto_factory: Callable[..., Mosquitto],
    tmp_path: Path,
    bright_path: Path,
) -> Iterator[list[str]]:
    """The options by which the broker is reached that a running agent publishes to."""
    cert, key, secret = secured / "broker.pem", secured / "broker.key", secured / "secret"
    broker = mosquitto_factory(
        "allow_anonymous false", f"password_file {secured / 'known'}", f"certfile {cert}",
        f"keyfile {key}",
    )  # fmt: skip
    url = broker.url.replace("mqtt://", "mqtts://")
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "bright.png"), np.full((24, 32, 3), 230, np.uint8))
    source = f'{{ kind = "images", path = "{images}", loop = true }}'
    config = write_config(tmp_path, url, bright_path, source, stream="interval_s = 0.05")
    with_them = f'credentials_file = "{secret}"\nca_file = "{cert}"\n[outbox]'
    config.write_text(config.read_text().replace("[outbox]", with_them))
    options = ["--broker", url, "--credentials-file", str(secret), "--ca-file", str(cert)]
    with Agent(config) as agent:
        # It hears nothing of what was said before it came.
        wait_until(lambda: "connected to" in agent.log.read_text(), "the agent is connected")
        yield options


def test_a_device_is_told_and_watched(reached: list[str], tmp_path: Path) -> None:
    """Described, its picture fetched, paused and gone on: each answer in a line."""
    shown = tmp_path / "watch.out"
    with shown.open("wb") as out:
        watch = subprocess.Popen([*HOST, "watch", *reached], env=ENVIRONMENT, stdout=out)
        try:
            wait_until(lambda: "gate/front #" in shown.read_text(), "a result", 60)
        finally:
            watch.kill()
            watch.wait()

    described = edgeward("tell", "gate", "describe", *reached)
    assert described.returncode == 0, described.stderr
    assert "gate/front: classify by bright " in described.stdout
    assert described.stdout.endswith(
        "gate: obeys snapshot, pause, resume, set, restart, describe\n"
    )

    taken = edgeward("tell", "gate", "snapshot", "--save", tmp_path / "pictures", *reached)
    assert taken.returncode == 0, taken.stderr
    picture = tmp_path / "pictures" / "front.jpg"
    assert taken.stdout.endswith(f"{picture}: written\n")
    image = cv2.imread(str(picture))
    assert image.shape == (24, 32, 3)
    assert abs(float(image.mean()) - 230) < 5

    paused = edgeward("tell", "gate", "pause", "--stream", "front", "--json", *reached)
    assert json.loads(paused.stdout)["ok"] is True
    assert edgeward("tell", "gate", "resume", *reached).stdout == "gate: resume: done\n"


def test_what_is_refused_is_an_error(reached: list[str]) -> None:
    """By ourselves before it is sent, by the device, by nobody at all."""
    wrong = edgeward("tell", "gate", "set", "--interval-s", -1, *reached)
    assert wrong.returncode == ExitCode.MESSAGE
    assert the_error(wrong) == "set: Expected `float` >= 0.0 - at `$.interval_s`"

    refused = edgeward("tell", "gate", "pause", "--stream", "yard", *reached)
    assert refused.returncode == ExitCode.MESSAGE
    assert refused.stderr.endswith(
        "gate: refused: pause: expected a stream of front, found 'yard' - at `$.stream`\n"
    )

    away = edgeward("tell", "shed", "describe", "--timeout-s", 0.5, *reached)
    assert away.returncode == ExitCode.BROKER
    assert the_error(away) == "describe: expected an answer within 0.5 s, found none"
