"""The contact sheet in a real browser: what is typed into it is what `edgeward label` takes."""

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support.crops import crop_record, write_crops

from edge_agent.tasks.ocr.crops import list_crops
from pipeline.tasks.ocr.label.answers import take
from pipeline.tasks.ocr.label.folder import LabelFolder
from pipeline.tasks.ocr.label.sheet import write_sheet

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# What a person does: types, passes over, ticks, and takes what was read by Enter; then saves.
PERSON = r"""
const keep = URL.createObjectURL;
URL.createObjectURL = (blob) => {
  blob.text().then((text) => { document.getElementById("count").dataset.saved = text; });
  return "#";
};
HTMLAnchorElement.prototype.click = () => {};
const press = (field) => field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
const type = (field, text) => {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
type(fields[0], "-");
type(fields[1], "\\x");
press(fields[2]);
crops[3].querySelector("[type=checkbox]").click();
document.getElementById("save").click();
"""


@pytest.fixture(name="browser")
def _browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"needs a browser: one of {', '.join(BROWSERS)}")
    return found


def dom_after(browser: str, page: str, folder: Path) -> str:
    """What has become of `page` once its scripts have run."""
    file = folder / "driven.html"
    file.write_text(page)
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile")
    command = [browser, *options, "--virtual-time-budget=5000", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    return done.stdout


def test_what_is_typed_is_saved_as_the_table_that_label_takes(browser: str, tmp_path: Path) -> None:
    """Texts that have another meaning there, one that was read, nothing to read, no answer."""
    crops = tmp_path / "crops"
    write_crops(crops, *(crop_record(text) for text in ("1", "2", "00471", "4", "5")))
    folder = LabelFolder(tmp_path / "texts")
    entries = folder.entries(list_crops(crops))
    page, _ = write_sheet(entries, tmp_path / "sheet")
    text = page.read_text()
    # The page allows its own script only; and it is that, unchanged, that is driven.
    policy = re.search(r"<meta http-equiv=.*>\n", text)
    assert policy is not None
    driven = text.replace(policy[0], "").replace("</body>", f"<script>{PERSON}</script></body>")

    dom = dom_after(browser, driven, tmp_path)
    assert ">4 of 5 answered</span>" in dom
    saved = re.search(r'data-saved="([^"]*)"', dom)
    assert saved is not None
    texts = tmp_path / "texts.tsv"
    texts.write_text(html.unescape(saved[1]))

    assert take(entries, folder, texts).left == 1
    labels = [entry.label for entry in folder.entries(list_crops(crops))]
    assert labels == ["-", "\\x", "00471", "", None]


def test_the_page_runs_no_script_but_its_own(browser: str, tmp_path: Path) -> None:
    """Its policy holds in a browser: the same person cannot do a thing where it is kept."""
    crops = tmp_path / "crops"
    write_crops(crops, crop_record("1"))
    entries = LabelFolder(tmp_path / "texts").entries(list_crops(crops))
    page, _ = write_sheet(entries, tmp_path / "sheet")
    intruder = "<script>document.title = 'run'</script></body>"
    dom = dom_after(browser, page.read_text().replace("</body>", intruder), tmp_path)
    assert ">0 of 1 answered</span>" in dom
    assert "<title>1 crop to label</title>" in dom
