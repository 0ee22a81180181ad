"""`edgeward-agent` with a stream of text: checked, run, and refused, as a user does it."""

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, hear, write_config
from support.brokers import Mosquitto, free_port
from support.stripes import stripes

from edge_agent.cli import main
from edge_agent.client import Subscriber
from edge_agent.client.remote import Remote
from edge_agent.common.exit_codes import ExitCode
from edge_agent.contract.commands import SetCommand
from edge_agent.contract.messages import ResultMessage
from edge_agent.tasks.ocr.answer import Reading
from edge_agent.tasks.ocr.crops import list_crops

REGION = """
task = "ocr"
[[stream.regions]]
name = "water"
corners = [[20, 10], [148, 10], [148, 42], [20, 42]]
pattern = '[0-3]{2}\\.[0-3]'
[stream.regions.meter]
decimals = 1
digits = 3
confirm = 2
confirm_jump = 2
[crops]
folder = "crops"
interval_s = 0
"""


@pytest.fixture(name="images")
def _images(tmp_path: Path) -> str:
    """TOML of a source: a display that shows 12.1 twice, then nothing, then 12.1 again."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, text in enumerate(["12.1", "12.1", "", "12.1"]):
        image = np.full((60, 200, 3), 255, np.uint8)
        image[10:42, 20:148] = stripes(text, scale=2)[:, :, np.newaxis]
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return f'{{ kind = "images", path = "{folder}" }}'


def test_a_meter_is_read_from_files_to_a_subscriber(
    mosquitto: Mosquitto, tmp_path: Path, stripes_path: Path, images: str
) -> None:
    """Held, confirmed, rejected and confirmed again; the two doubtful crops are on disk."""
    config = write_config(tmp_path, mosquitto.url, stripes_path, images, stream=REGION)
    with Subscriber(mosquitto.url) as subscriber, Agent(config) as agent:
        messages = [hear(subscriber, ResultMessage) for _ in range(4)]
        assert agent.process.wait(60) == 0
    readings = [message.result for message in messages]
    assert all(isinstance(reading, Reading) for reading in readings)
    found = [(r.state, r.text, r.value) for r in readings if isinstance(r, Reading)]
    assert found == [
        ("held", "12.1", None),
        ("accepted", "12.1", 12.1),
        ("rejected", "", 12.1),
        ("accepted", "12.1", 12.1),
    ]
    assert [message.seq for message in messages] == [1, 2, 3, 4]
    crops = list_crops(tmp_path / "crops")
    assert [(crop.record.state, crop.record.text) for crop in crops] == [
        ("held", "12.1"),
        ("rejected", ""),
    ]


def test_a_restart_remembers_the_meter(
    mosquitto: Mosquitto, tmp_path: Path, stripes_path: Path, images: str
) -> None:
    """A second start accepts at once what the first confirmed; a damaged file begins anew."""
    config = write_config(tmp_path, mosquitto.url, stripes_path, images, stream=REGION)
    memory = tmp_path / "outbox.meters.json"
    starts = []
    with Subscriber(mosquitto.url) as subscriber:
        for start in range(3):
            if start == 2:
                memory.write_text("{")
            with Agent(config) as agent:
                messages = [hear(subscriber, ResultMessage) for _ in range(4)]
                assert agent.process.wait(60) == 0
            readings = [m.result for m in messages if isinstance(m.result, Reading)]
            starts.append([(reading.state, reading.value) for reading in readings])
            assert memory.is_file()
    assert starts[0][:2] == [("held", None), ("accepted", 12.1)]
    assert starts[1][:3] == [("accepted", 12.1), ("accepted", 12.1), ("rejected", 12.1)]
    assert starts[2] == starts[0]
    assert f"WARNING {memory}: damaged, meters begin anew: " in agent.log.read_text()


def test_a_person_sets_a_meter_and_it_stays_set(
    mosquitto: Mosquitto, tmp_path: Path, stripes_path: Path, images: str
) -> None:
    """Over MQTT: the next result has the value, the log a line, and a restart remembers it."""
    timed = "frames_per_s = 20" + REGION.replace(
        "confirm = 2\n", "confirm = 2\nconfirm_s = 0\nconfirm_jump_s = 0\n"
    )
    pictures = tmp_path / "images"
    for number in range(4, 400):
        shutil.copy(pictures / "0.png", pictures / f"{number:03}.png")
    config = write_config(tmp_path, mosquitto.url, stripes_path, images, stream=timed)
    found = list[Reading]()
    with (
        Subscriber(mosquitto.url) as subscriber,
        Remote(mosquitto.url, "gate") as remote,
        Agent(config) as agent,
    ):
        while not found or found[-1].value is None:
            found.append(reading(hear(subscriber, ResultMessage)))
        assert remote.ask(SetCommand(stream="front", region="water", value=7.0)).ok
        while found[-1].value == 12.1:
            found.append(reading(hear(subscriber, ResultMessage)))
        assert (found[-1].value, found[-1].value_from) == (7.0, "command")
        reply = remote.ask(SetCommand(stream="front", region="water", value=7.05))
        assert reply.error == (
            "set: expected at most 1 digits behind the point, found 7.05 - at `$.value`"
        )
    said = "stream 'front', region 'water': set from 12.1 to 07.0, by a command"
    assert said in agent.log.read_text()
    with Subscriber(mosquitto.url) as subscriber, Agent(config):
        assert reading(hear(subscriber, ResultMessage)).value == 7.0


def reading(message: ResultMessage) -> Reading:
    assert isinstance(message.result, Reading)
    return message.result


def test_check_tries_regions_and_crops_too(
    mosquitto: Mosquitto,
    tmp_path: Path,
    stripes_path: Path,
    images: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Must not fire: everything is there; the folder of crops is named and not yet made."""
    config = write_config(tmp_path, mosquitto.url, stripes_path, images, stream=REGION)
    assert main(["check", "--config", str(config)]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert f"ok      crops: {tmp_path / 'crops'}" in lines
    assert (
        "ok      meters of front: water: held to what it was seen to count; better say "
        "max_per_hour, what can flow"
    ) in lines
    assert not (tmp_path / "crops").exists()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ('max_per_hour = 2.5\nunit = "m³"', "water: at most 2.5 m³ an hour"),
        (
            "monotone = false",
            "water: any value is believed once 2 readings say the same, as neither monotone",
        ),
    ],
)
def test_check_says_what_a_meter_is_held_to(
    mosquitto: Mosquitto,
    tmp_path: Path,
    stripes_path: Path,
    images: str,
    capsys: pytest.CaptureFixture[str],
    rules: str,
    said: str,
) -> None:
    """Before the first wrong digit, not after."""
    region = REGION.replace("decimals = 1\n", f"decimals = 1\n{rules}\n")
    config = write_config(tmp_path, mosquitto.url, stripes_path, images, stream=region)
    assert main(["check", "--config", str(config)]) == ExitCode.OK
    assert f"ok      meters of front: {said}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("old", "new", "status", "expected"),
    [
        (
            "[148, 10], [148, 42]",
            "[208, 10], [208, 42]",
            ExitCode.CONFIG,
            "stream 'front', region 'water': expected a region inside the 200x60 frame, "
            "found a corner at 208, 10",
        ),
        (
            "[0-3]{2}",
            "[A-Z]{2}",
            ExitCode.CONFIG,
            "stream 'front', region 'water': pattern '[A-Z]{2}\\\\.[0-3]' cannot match: no text "
            "of the model's characters would do",
        ),
        (
            "[0-3]{2}",
            "[0-3]{17}",
            ExitCode.CONFIG,
            "stream 'front', region 'water': pattern '[0-3]{17}\\\\.[0-3]': expected texts that "
            "fit the 16 steps of the model along a line, found none below 19",
        ),
        (
            "digits = 3",
            "digits = 4",
            ExitCode.CONFIG,
            "stream 'front', region 'water': expected a pattern or words for what the meter shows, "
            "(\\d{4}|\\d{3}[.,]\\d{1}), found none of its readings allowed",
        ),
        (
            "[0-3]{2}",
            "[3-0]{2}",
            ExitCode.CONFIG,
            "expected a range from a lower to a higher character before, found `]` - "
            "at `$.stream[0].regions[0]`",
        ),
    ],
    ids=["outside", "cannot match", "too long", "other digits", "malformed"],
)
def test_what_waiting_does_not_mend_ends_the_agent(
    old: str,
    new: str,
    status: ExitCode,
    expected: str,
    tmp_path: Path,
    stripes_path: Path,
    images: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each in one line, before or at the first frame, and by `check` as well as by `run`."""
    url = f"mqtt://127.0.0.1:{free_port()}"
    assert REGION.count(old) == 1
    config = write_config(tmp_path, url, stripes_path, images, stream=REGION.replace(old, new))
    assert main(["--log-level", "error", "run", "--config", str(config)]) == status
    assert capsys.readouterr().err.splitlines()[-1].endswith(expected)
    assert main(["check", "--config", str(config)]) == status
    assert re.search(re.escape(expected), capsys.readouterr().out)


def test_a_bundle_of_classes_for_a_stream_of_text_is_another_task(
    tmp_path: Path, bright_path: Path, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own exit status, and both tasks named."""
    url = f"mqtt://127.0.0.1:{free_port()}"
    config = write_config(tmp_path, url, bright_path, images, stream=REGION)
    assert main(["run", "--config", str(config)]) == ExitCode.BUNDLE_TASK
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith(
            "expected a bundle for the task ocr, as stream 'front' says, found one for classify"
        )
    )


def test_a_folder_of_crops_that_cannot_be_made_has_its_own_status(
    tmp_path: Path, stripes_path: Path, images: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Said at the start."""
    (tmp_path / "file").write_text("")
    text = REGION.replace('folder = "crops"', 'folder = "file/crops"')
    url = f"mqtt://127.0.0.1:{free_port()}"
    config = write_config(tmp_path, url, stripes_path, images, stream=text)
    assert main(["run", "--config", str(config)]) == ExitCode.CROPS
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith("file/crops: expected a folder for pictures, found: Not a directory")
    )
    assert main(["check", "--config", str(config)]) == ExitCode.CROPS
