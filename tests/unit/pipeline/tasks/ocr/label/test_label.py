"""`edgeward label`: crops are shown, labelled one by one or by a file, and nothing is lost."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.crops import crop_record, write_crops

from edge_agent.common.errors import CropError
from edge_agent.common.exit_codes import ExitCode
from edge_agent.tasks.ocr.crops import list_crops
from pipeline import cli
from pipeline.common.errors import DataError
from pipeline.tasks.ocr.data.folder import read_text_folder
from pipeline.tasks.ocr.label.answers import KEYS, Done, ask, take
from pipeline.tasks.ocr.label.folder import LabelFolder
from pipeline.tasks.ocr.label.sheet import render, write_sheet

WATER = "gate/cellar/water/20261121T032104-0000000000.png"
BLANK = "gate/cellar/water/20261121T032204-0000000001.png"
GAS = "gate/cellar/gas/20261121T032304-0000000002.png"


@pytest.fixture(name="crops")
def _crops(tmp_path: Path) -> Path:
    """One that was held, one in which nothing was read, one of another region."""
    folder = tmp_path / "crops"
    write_crops(
        folder,
        crop_record("00471"),
        crop_record("", state="rejected", why="blank: expected a contrast"),
        crop_record("[b]", region="gas"),
    )
    return folder


@pytest.fixture(name="label")
def _label(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], crops: Path
) -> Callable[..., tuple[int, str]]:
    """Runs the command; what is `typed` is its standard input. Its status and what it says."""

    def run(*arguments: object, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["edgeward", "label", str(crops), *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def table(folder: Path) -> list[list[str]]:
    return [line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines()]


def test_crops_are_shown_as_a_table(label: Callable[..., tuple[int, str]]) -> None:
    """Each with where, what was read, how sure and why; a text with brackets is no markup."""
    status, said = label()
    rows = [line.split() for line in said.splitlines() if "2026-11-21" in line]
    assert status == ExitCode.OK
    assert [row[1:5] for row in rows] == [
        ["03:21:04", "gate/cellar/water", "held", "00471"],
        ["03:22:04", "gate/cellar/water", "rejected", "blank:"],
        ["03:23:04", "gate/cellar/gas", "held", "[b]"],
    ]
    assert rows[0][5:] == ["50.0", "%", *["not", "sure:", "0.500", "of", "0.900", "0000000000.png"]]
    assert said.splitlines()[-1] == "3 crops of 2 regions: 2 held, 1 rejected"


def test_a_list_says_what_is_labelled(
    label: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """With the folder; what shows nothing is labelled as well."""
    out = tmp_path / "texts"
    label("--out", out, typed="\n\\\n-\n")
    _, said = label("--out", out, "--list")
    assert said.splitlines()[-1] == f"3 crops of 2 regions: 2 held, 1 rejected; 2 labelled in {out}"
    assert "(nothing to read)" in said
    _, said = label("--out", out, "--list", "--state", "rejected")
    assert said.splitlines()[-1].startswith("1 crop of 1 region: 0 held, 1 rejected; 1 labelled")


def test_json_has_all_that_is_known(label: Callable[..., tuple[int, str]], crops: Path) -> None:
    """One line a crop: the record, the picture's path, and its label or none."""
    _, said = label("--json", "--state", "held")
    first, second = map(json.loads, said.splitlines())
    assert (first["region"], first["text"], first["confidence"]) == ("water", "00471", 0.5)
    assert (first["picture"], first["name"], first["label"]) == (
        str(crops / "0000000000.png"),
        WATER,
        None,
    )
    assert second["name"] == GAS


def test_texts_are_asked_for_one_by_one(
    label: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Enter takes what was read, `-` passes over, another text is taken; pictures go along."""
    out = tmp_path / "texts"
    status, said = label("--out", out, typed="\n-\n0007\n")
    assert status == ExitCode.OK
    assert table(out) == [
        [WATER, "00471", "gate/cellar/water"],
        [GAS, "0007", "gate/cellar/gas"],
    ]
    assert said.splitlines()[0] == KEYS
    assert f"2 labelled, 1 left; 2 in {out}" in said
    split = read_text_folder(out).train.split
    assert (split.labels, split.sources) == (
        ("00471", "0007"),
        ("gate/cellar/water", "gate/cellar/gas"),
    )
    assert split.images[0].shape == (16, 64, 3)


def test_only_what_has_no_label_is_asked_for(
    label: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """A second run goes on where the first was left; a third has nothing to ask."""
    out = tmp_path / "texts"
    label("--out", out, typed="1\nq\n")
    _, said = label("--out", out, typed="2\n3\n")
    assert "1/2  gate/cellar/water  2026-11-21 03:22:04  rejected: blank" in said
    assert [row[1] for row in table(out)] == ["1", "2", "3"]
    _, said = label("--out", out)
    assert said == f"0 labelled, 0 left; 3 in {out}\n"


def answering(*answers: str) -> Callable[[str], str]:
    """A person who types these, and then Ctrl-C."""
    left: Iterator[str] = iter(answers)

    def answer(prompt: str) -> str:
        for typed in left:
            return typed
        raise KeyboardInterrupt

    return answer


def test_ctrl_c_loses_no_answer(crops: Path, tmp_path: Path) -> None:
    """What was answered before is on disk, picture and line."""
    folder = LabelFolder(tmp_path / "texts")
    with pytest.raises(KeyboardInterrupt):
        ask(folder.entries(list_crops(crops)), folder, answering("1"), lambda line: None)
    assert table(tmp_path / "texts") == [[WATER, "1", "gate/cellar/water"]]
    assert (tmp_path / "texts" / WATER).is_file()
    assert not list((tmp_path / "texts").rglob("*.part"))


@pytest.mark.parametrize(
    ("typed", "texts"),
    [
        ("\\-", ["-"]),
        ("\\q", ["q"]),
        ("\\\\", ["\\"]),
        ("\\", [""]),
        ("q", []),
        (" 1 ", [" 1 "]),
    ],
)
def test_a_backslash_takes_a_meaning_away(
    crops: Path, tmp_path: Path, typed: str, texts: list[str]
) -> None:
    """Every text can be typed, the empty one too; blanks at its ends stay."""
    folder = LabelFolder(tmp_path / "texts")
    entries = folder.entries(list_crops(crops))[:1]
    ask(entries, folder, answering(typed), lambda line: None)
    assert list(folder.labels.values()) == texts


def test_what_was_not_read_is_not_accepted_by_enter(crops: Path, tmp_path: Path) -> None:
    """Must not fire: an impatient Enter would teach that there is nothing."""
    folder = LabelFolder(tmp_path / "texts")
    entries = folder.entries(list_crops(crops))[1:2]
    assert ask(entries, folder, answering(""), lambda line: None) == Done(0, 1)
    assert folder.labels == {}


def test_a_text_that_cannot_be_in_a_table_is_asked_for_again(crops: Path, tmp_path: Path) -> None:
    """With what is wrong with it."""
    folder, said = LabelFolder(tmp_path / "texts"), list[str]()
    entries = folder.entries(list_crops(crops))[:1]
    ask(entries, folder, answering("1\t2", "12"), said.append)
    assert said[-1] == (
        "  label: expected a text of characters that can be printed, found '\\t' in '1\\t2'"
    )
    assert folder.labels == {WATER: "12"}


def test_a_folder_with_a_table_is_extended(crops: Path, tmp_path: Path) -> None:
    """Its lines stay as they are, to the byte, and a last one without an end gets one."""
    out = tmp_path / "texts"
    out.mkdir()
    (out / "train_labels.tsv").write_bytes("my/own.png\t3 \u20ac\r\nother.png\tx\ty".encode())
    folder = LabelFolder(out)
    folder.add(folder.entries(list_crops(crops))[0], "1")
    assert (out / "train_labels.tsv").read_bytes() == (
        f"my/own.png\t3 \u20ac\r\nother.png\tx\ty\n{WATER}\t1\tgate/cellar/water\n".encode()
    )
    assert not (out / "labels.tsv").exists()


def test_two_devices_do_not_meet(tmp_path: Path) -> None:
    """The same number, stream and region on another device, or at another time, is another."""
    names = set()
    for number, device in enumerate(("gate", "barn")):
        write_crops(tmp_path / str(number), crop_record(device=device))
        folder = LabelFolder(tmp_path / "texts")
        (entry,) = folder.entries(list_crops(tmp_path / str(number)))
        folder.add(entry, "1")
        names.add(entry.name)
    assert len(names) == 2
    assert set(LabelFolder(tmp_path / "texts").labels) == names


def test_a_file_of_texts_labels_at_once(
    label: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Lines left empty are for later; columns behind the text are for the reader."""
    texts, out = tmp_path / "texts.tsv", tmp_path / "texts"
    texts.write_text(f"PATH\tTEXT\tREAD\n{WATER}\t00472\t00471\r\n{BLANK}\t\\\n{GAS}\t\n\n")
    status, said = label("--out", out, "--texts", texts)
    assert (status, said) == (ExitCode.OK, f"2 labelled, 1 left; 2 in {out}\n")
    assert [row[:2] for row in table(out)] == [[WATER, "00472"], [BLANK, ""]]
    status, said = label("--out", out, "--texts", texts)
    assert (status, said) == (ExitCode.OK, f"0 labelled, 1 left; 2 in {out}\n")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("other.png\t1\n", "line 1: expected a crop that is there, each once, found 'other.png'"),
        (
            f"{WATER}\t1\n{WATER}\t1\n",
            f"line 2: expected a crop that is there, each once, found '{WATER}' again",
        ),
        (f"{WATER}\n", "line 1: expected PATH tab TEXT, found 1 column"),
        (
            f"{WATER}\t1\n{GAS}\t1\x07\n",
            "line 2: expected a text of characters that can be printed, found '\\x07' in '1\\x07'",
        ),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(
    crops: Path, tmp_path: Path, lines: str, found: str
) -> None:
    """Not half of a file."""
    texts = tmp_path / "texts.tsv"
    texts.write_text(lines)
    folder = LabelFolder(tmp_path / "texts")
    with pytest.raises(DataError) as caught:
        take(folder.entries(list_crops(crops)), folder, texts)
    assert str(caught.value) == f"{texts}: {found}"
    assert not (tmp_path / "texts").exists()


def test_another_label_than_before_is_refused(crops: Path, tmp_path: Path) -> None:
    """Which of two persons is right is not ours to say."""
    folder = LabelFolder(tmp_path / "texts")
    folder.add(folder.entries(list_crops(crops))[0], "1")
    texts = tmp_path / "texts.tsv"
    texts.write_text(f"{WATER}\t2\n")
    with pytest.raises(DataError, match=f"expected '1', the label that {WATER} has in .*, found"):
        take(folder.entries(list_crops(crops)), folder, texts)
    with pytest.raises(DataError, match=r"expected no label of .* yet, found '1'"):
        folder.add(folder.entries(list_crops(crops))[0], "2")


@pytest.mark.parametrize(("cut", "found"), [(None, "No such file"), (50, "cannot decode")])
def test_a_picture_that_is_missing_or_cut_off_is_named(
    crops: Path, tmp_path: Path, cut: int | None, found: str
) -> None:
    """A copy that was interrupted is found here, not by a training a week later."""
    picture = crops / "0000000000.png"
    data = picture.read_bytes()
    picture.unlink()
    if cut is not None:
        picture.write_bytes(data[:cut])
    folder = LabelFolder(tmp_path / "texts")
    with pytest.raises(CropError, match=f"0000000000.png: expected .*{found}"):
        folder.add(folder.entries(list_crops(crops))[0], "1")
    assert not (tmp_path / "texts").exists()


def test_a_sheet_is_a_page_and_a_table_to_fill_in(
    label: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Of what has no label yet; the table as it is labels nothing, and filled in it does."""
    out, sheet = tmp_path / "texts", tmp_path / "sheet"
    label("--out", out, typed="1\nq\n")
    status, said = label("--out", out, "--sheet", sheet)
    assert status == ExitCode.OK
    assert said == f"written {sheet / 'contact.html'}\nwritten {sheet / 'texts.tsv'}\n"
    lines = (sheet / "texts.tsv").read_text().splitlines()
    assert lines == [
        "PATH\tTEXT\tREAD\tWHY",
        f"{BLANK}\t\t\tblank: expected a contrast",
        f"{GAS}\t\t[b]\tnot sure: 0.500 of 0.900",
    ]
    assert label("--out", out, "--texts", sheet / "texts.tsv")[1].startswith("0 labelled, 2 left")
    (sheet / "texts.tsv").write_text("\n".join(lines).replace("\t\t[b]", "\t77\t[b]"))
    assert label("--out", out, "--texts", sheet / "texts.tsv")[1].startswith("1 labelled, 1 left")


def test_the_page_stands_alone(crops: Path, tmp_path: Path) -> None:
    """Every picture is in it, nothing is fetched, and a text is no markup."""
    write_crops(crops, crop_record('"><script>alert(1)</script>'))
    entries = LabelFolder(tmp_path / "texts").entries(list_crops(crops))
    page = render(entries)
    assert page.count("data:image/png;base64,") == 4
    assert "alert(1)</script>" not in page
    assert page.count("<script>") == 1
    assert "http" not in page.replace("http-equiv", "")
    assert page == render(entries)


def test_a_sheet_of_a_damaged_picture_is_not_begun(crops: Path, tmp_path: Path) -> None:
    """An error, not a page with a hole."""
    (crops / "0000000002.png").write_bytes(b"no picture")
    entries = LabelFolder(tmp_path / "texts").entries(list_crops(crops))
    with pytest.raises(CropError, match=r"0000000002\.png: expected an image"):
        write_sheet(entries, tmp_path / "sheet")
    assert not (tmp_path / "sheet").exists()


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--texts", "x.tsv"), ExitCode.USAGE, "--texts: expected --out FOLDER with it"),
        (("--state", "sure"), ExitCode.USAGE, "'--state': expected held or rejected, found sure"),
        (("--out", __file__), ExitCode.DATA, "expected a folder for labelled crops, found a file"),
        (
            ("--out", "none", "--texts", "none.tsv"),
            ExitCode.DATA,
            "none.tsv: expected a table of texts, found: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    label: Callable[..., tuple[int, str]], options: tuple[str, ...], status: int, said: str
) -> None:
    """With the status of its kind."""
    found, text = label(*options)
    assert found == status
    assert said in text


def test_a_folder_without_crops_is_refused(
    label: Callable[..., tuple[int, str]], crops: Path
) -> None:
    """Missing has the status of crops; empty is no error, only nothing."""
    for path in crops.iterdir():
        path.unlink()
    assert label() == (ExitCode.OK, "0 crops of 0 regions\n")
    crops.rmdir()
    assert label() == (ExitCode.CROPS, f"edgeward: {crops}: expected crops, found nothing\n")
