"""From a crop that the agent did not accept to a gate that a new bundle has to pass."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.agents import Agent, write_config
from support.brokers import Mosquitto
from support.commands import edgeward, the_error
from support.stripes import CHARSET, stripes, write_stripes

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.common.exit_codes import ExitCode
from edge_agent.tasks.ocr.crops import list_crops
from pipeline.tasks.ocr.data.folder import read_text_folder
from pipeline.tasks.ocr.kept_readings import kept_readings

STREAM = """
task = "ocr"
[[stream.regions]]
name = "water"
rect = { x = 20, y = 10, w = 128, h = 32 }
[crops]
folder = "crops"
interval_s = 0
"""


@pytest.fixture(name="crops")
def _crops(mosquitto: Mosquitto, stripes_path: Path, tmp_path: Path) -> Path:
    """What an agent keeps that sees 12, then a doubtful 2, then a wall."""
    images = tmp_path / "images"
    images.mkdir()
    doubtful = stripes("31", scale=2)
    doubtful[doubtful == 48] = 72  # between 1 and 2
    for number, picture in enumerate([stripes("12", scale=2), doubtful, stripes("", scale=2)]):
        image = np.full((60, 200, 3), 255, np.uint8)
        image[10:42, 20:148] = picture[:, :, np.newaxis]
        cv2.imwrite(str(images / f"{number}.png"), image)
    source = f'{{ kind = "images", path = "{images}" }}'
    config = write_config(tmp_path, mosquitto.url, stripes_path, source, stream=STREAM)
    with Agent(config) as agent:
        assert agent.process.wait(120) == 0, agent.log.read_text()
    return tmp_path / "crops"


def test_crops_are_labelled_and_hold_a_bundle_to_them(
    crops: Path, stripes_bundle: Bundle, tmp_path: Path
) -> None:
    """Listed, given a table, labelled, read as data, and asked of two bundles."""
    states = [crop.record.state for crop in list_crops(crops)]
    assert states == ["held", "rejected"]
    listed = edgeward("label", crops)
    assert (listed.returncode, listed.stderr) == (ExitCode.OK, "")
    assert "2 crops of 1 region: 1 held, 1 rejected" in listed.stdout
    sheet, out = tmp_path / "sheet", tmp_path / "labelled"
    assert edgeward("label", crops, "--sheet", sheet).returncode == ExitCode.OK
    rows = [line.split("\t") for line in (sheet / "texts.tsv").read_text().splitlines()]
    (held, empty) = (row[0] for row in rows[1:])
    read = rows[1][2]
    assert read.startswith("3")
    texts = tmp_path / "texts.tsv"
    texts.write_text(f"{held}\t{read}\n{empty}\t\\\n")
    done = edgeward("label", crops, "--out", out, "--texts", texts)
    assert done.stdout == f"2 labelled, 0 left; 2 in {out}\n"
    split = read_text_folder(out).train.split
    assert (split.labels, set(split.sources)) == ((read, ""), {"gate/front/water"})
    assert kept_readings(stripes_bundle, stripes_bundle, split).gate().holds
    write_stripes(tmp_path / "worse", charset=(*CHARSET[:3], ".", "3"))
    compared = kept_readings(open_bundle(tmp_path / "worse"), stripes_bundle, split)
    assert (compared.old_right, compared.new_right) == (2, 1)
    assert not compared.gate().holds


def test_a_damaged_record_is_one_line(crops: Path, tmp_path: Path) -> None:
    """A copy that was cut off: the file is named, and no label is written."""
    record = crops / "0000000000.json"
    record.write_bytes(record.read_bytes()[:30])
    done = edgeward("label", crops, "--out", tmp_path / "labelled")
    assert done.returncode == ExitCode.CROPS
    assert the_error(done).startswith(f"{record}: ")
    assert not (tmp_path / "labelled").exists()
