"""`edgeward-agent`: statuses, messages, what it imports, and what `check` and `bench` say."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from support.agents import write_config
from support.brokers import Mosquitto, free_port

from edge_agent.bench import bench, percentiles
from edge_agent.bundle.archive import Bundle
from edge_agent.bundle.preprocess import ColourOrder
from edge_agent.cli import exit_code, main
from edge_agent.common import errors
from edge_agent.common.arrays import F32, I8, U8
from edge_agent.common.errors import AgentError
from edge_agent.common.exit_codes import ExitCode
from edge_agent.contract.commands import COMMANDS
from edge_agent.contract.messages import Message
from edge_agent.inference.threads import fewest_worth_it

HEAVY = {"cv2", "paho", "numpy", "ai_edge_litert", "tflite_runtime", "sqlite3"}


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    folder = tmp_path / "images"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), np.full((24, 32, 3), 230, np.uint8))
    return f'{{ kind = "images", path = "{folder}" }}'


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """A slow board answers `--help` at once: no OpenCV, interpreter or MQTT client."""
    code = f"""
import sys
from edge_agent.cli import main
try:
    main({arguments!r})
finally:
    heavy = {HEAVY!r} & {{name.split(".")[0] for name in sys.modules}}
    sys.exit(f"imported {{heavy}}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_every_error_has_an_exit_status_of_its_own() -> None:
    """No error of the package ends in a status that says nothing."""
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, AgentError) and kind is not AgentError
    ]
    codes = [exit_code(kind("x")) for kind in kinds]
    assert ExitCode.UNEXPECTED not in codes
    assert len(set(codes)) == len(kinds) >= 8


def test_a_missing_config_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program's name, place, expected and found; status 10."""
    assert main(["run", "--config", str(tmp_path / "none.toml")]) == ExitCode.CONFIG
    assert capsys.readouterr().err == (
        f"edgeward-agent: {tmp_path / 'none.toml'}: expected an agent configuration file, "
        "found: No such file or directory\n"
    )


@pytest.mark.parametrize(
    ("change", "status", "expected"),
    [
        (
            lambda text: re.sub(r"bundle = .*", 'bundle = "none"', text),
            ExitCode.BUNDLE,
            "none: expected a bundle directory or .edgeward file, found nothing",
        ),
        (
            lambda text: re.sub(r"path = .*images\"", 'path = "none"', text),
            ExitCode.SOURCE,
            "none: expected an image or a folder of images, found nothing",
        ),
        (
            lambda text: text.replace('"outbox.db"', '"none/outbox.db"'),
            ExitCode.OUTBOX,
            "none/outbox.db: unable to open database file",
        ),
        (
            lambda text: text + "region = { x = 30, y = 0, w = 3, h = 3 }",
            ExitCode.CONFIG,
            "stream 'front': expected a region inside the 32x24 frame, found x=30 y=0 w=3 h=3",
        ),
    ],
    ids=["bundle", "source", "outbox", "region"],
)
def test_what_waiting_does_not_mend_ends_the_agent(
    change: Callable[[str], str],
    status: ExitCode,
    expected: str,
    tmp_path: Path,
    bright_path: Path,
    images: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each in one line and with a status that keeps systemd from trying again."""
    url = f"mqtt://127.0.0.1:{free_port()}"
    config = write_config(tmp_path, url, bright_path, images)
    config.write_text(change(config.read_text()))
    assert main(["--log-level", "error", "run", "--config", str(config)]) == status
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("edgeward-agent: ")] == [lines[-1]]
    assert lines[-1].endswith(expected)


def test_check_says_ok_line_by_line(
    mosquitto: Mosquitto,
    tmp_path: Path,
    bright_path: Path,
    images: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Must not fire: everything is there."""
    config = write_config(tmp_path, mosquitto.url, bright_path, images)
    assert main(["check", "--config", str(config)]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "ok      config",
        "ok      runtime",
        "ok      bundle of front",
        "ok      source of front",
        "ok      outbox",
        "ok      broker",
    ]
    assert re.search(r"bright@[0-9a-f]{12}, 2 golden frames within 0 quanta of 1", lines[2])
    assert lines[3].endswith("a frame of 32x24")
    assert lines[5].endswith(f"{mosquitto.url}, MQTT 5")


def test_check_goes_on_after_a_failure_and_ends_with_the_first(
    tmp_path: Path, bright_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An absent camera and an absent broker: two lines, what to do, the camera's status."""
    port, camera = free_port(), free_port()
    source = f'{{ kind = "camera", url = "http://127.0.0.1:{camera}/x", open_timeout_s = 1 }}'
    config = write_config(tmp_path, f"mqtt://127.0.0.1:{port}", bright_path, source)
    assert main(["check", "--config", str(config)]) == ExitCode.SOURCE
    failed = [x for x in capsys.readouterr().out.splitlines() if not x.startswith("ok")]
    assert failed == [
        f"failed  source of front: camera http://127.0.0.1:{camera}/x: expected a camera, "
        f"found nobody who listens at 127.0.0.1:{camera} (connection refused); "
        "is it on and in this network, are address, user and password right? Try the same "
        "address with a browser, ffplay or VLC",
        f"failed  broker: mqtt://127.0.0.1:{port}: cannot be reached: [Errno 111] Connection "
        "refused; is it running, is the address right, does it let this user in?",
    ]


def test_check_of_a_broken_config_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else can be tried then."""
    config = tmp_path / "agent.toml"
    config.write_text("[device")
    assert main(["check", "--config", str(config)]) == ExitCode.CONFIG
    out = capsys.readouterr().out
    assert out.startswith(f"failed  config: {config}: ")
    assert out.endswith("; mend the file; see deploy/agent.example.toml\n")


def test_check_finds_a_bundle_with_one_byte_changed(
    mosquitto: Mosquitto,
    tmp_path: Path,
    bright_path: Path,
    images: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The file, the expected and the found hash."""
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in bright_path.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    model = bytearray((broken / "model.tflite").read_bytes())
    model[500] ^= 1
    (broken / "model.tflite").write_bytes(model)
    config = write_config(tmp_path, mosquitto.url, broken, images)
    assert main(["check", "--config", str(config)]) == ExitCode.BUNDLE
    out = capsys.readouterr().out
    assert re.search(r"broken/model.tflite: expected SHA-256 \w{64}, found \w{64}", out)


def test_bench_measures_every_thread_count(bright_bundle: Bundle) -> None:
    """Percentiles are ordered, the whole is at least its parts, the best is the least."""
    report = bench(bright_bundle, seconds=0.05)
    assert [row.threads for row in report.threads] == list(range(1, len(report.threads) + 1))
    for row in report.threads:
        assert 0 < row.invoke_ms.p50 <= row.invoke_ms.p90 <= row.invoke_ms.p99
        assert row.total_ms.p50 >= max(row.preprocess_ms.p50, row.invoke_ms.p50, row.decode_ms.p50)
        assert row.rounds >= 20
    assert report.best_threads == fewest_worth_it(
        {row.threads: row.total_ms.p50 for row in report.threads}
    )
    assert report.first_inference_ms > 0
    assert report.peak_rss_mb > 10


def test_percentiles_are_in_milliseconds() -> None:
    """Against numbers known by hand."""
    found = percentiles([n / 1000 for n in range(101)])
    assert (found.p50, found.p90, found.p99) == (50.0, 90.0, 99.0)


def test_bench_prints_a_table_or_json(
    bright_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For people, and for programs."""
    assert main(["bench", str(bright_path), "--seconds", "0.01"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("bright@")
    assert "best: threads = " in table
    assert main(["bench", str(bright_path), "--seconds", "0.01", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "edgeward.bench/1"
    assert document["runtime"] in table


def test_schemas_are_written_for_every_message(tmp_path: Path) -> None:
    """One file a message, each a JSON Schema that names the message."""
    assert main(["schemas", "--out", str(tmp_path / "s")]) == 0
    files = list((tmp_path / "s").glob("*.schema.json"))
    assert len(files) >= len(get_args(Message)) + len(COMMANDS)
    titles = {json.loads(file.read_text())["title"] for file in files}
    assert titles >= {"edgeward.result/1", "edgeward.reply/1", "edgeward.pause/1"}
    assert json.loads((tmp_path / "s" / "asyncapi.json").read_text())["asyncapi"] == "3.0.0"


def test_usage_errors_are_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Argparse's own status, and its words."""
    with pytest.raises(SystemExit) as caught:
        main(["bench", "b", "--seconds", "0"])
    assert caught.value.code == ExitCode.USAGE
    assert "expected seconds above 0, at most 3600, found 0" in capsys.readouterr().err


def test_an_exception_of_a_model_ends_the_agent(
    mosquitto: Mosquitto, tmp_path: Path, bright_path: Path, images: str
) -> None:
    """It crashes, so that systemd starts it anew; its status says why."""
    from contextlib import AbstractContextManager, nullcontext

    from edge_agent.agent import run_agent
    from edge_agent.client import Subscriber
    from edge_agent.config import load_config
    from edge_agent.contract.messages import StatusMessage
    from edge_agent.tasks.task import Recognizer

    class Broken:
        def prepare(self, image: U8, order: ColourOrder = "rgb") -> I8:
            return np.zeros((1, 8, 8, 3), np.int8)

        def scores(self, x: I8) -> tuple[F32, ...]:
            raise RuntimeError("broken model")

    def opener(bundle: Bundle, threads: int) -> AbstractContextManager[Recognizer]:
        return nullcontext(Broken())

    config = load_config(write_config(tmp_path, mosquitto.url, bright_path, images))
    with pytest.raises(RuntimeError, match="broken model"):
        run_agent(config, opener)
    with Subscriber(mosquitto.url, "gate") as subscriber:
        delivery = subscriber.receive(60)
        while delivery is not None and not isinstance(delivery.message, StatusMessage):
            delivery = subscriber.receive(60)
        assert delivery is not None
        assert isinstance(delivery.message, StatusMessage)
        assert delivery.message.reason == "failed: broken model"
