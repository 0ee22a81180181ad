"""`edgeward weights`: what is known and here, and files carried by hand."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.common.errors import WeightsError
from pipeline.weights import keep, known, listing
from pipeline.weights.known import KNOWN


@pytest.fixture(name="file", autouse=True)
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small file that is the known weights of mobilenet_v2, outside of every place."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    places = {"EDGEWARD_WEIGHTS": "own", "TORCH_HOME": "torch", "HF_HOME": "hf"}
    for variable, name in {**places, "EDGEWARD_DATA": "data"}.items():
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("EDGEWARD_OFFLINE", "1")
    path = tmp_path / "downloaded (1).pth"
    torch.save({"a.weight": torch.ones(3)}, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    rows = (replace(KNOWN[0], sha256=sha256, size=None), *KNOWN[1:])
    for module in (known, listing, keep):
        monkeypatch.setattr(module, "KNOWN", rows)
    return path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["weights", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_list_says_where_or_how(tmp_path: Path, file: Path) -> None:
    """A line for each: how it is had, where it lies, or what is wrong with it."""
    head, first, *_ = run().splitlines()
    assert head.split() == ["arch", "weights", "size", "top-1", "licence", "file"]
    assert first.split()[:4] == ["mobilenet_v2", "imagenet", "71.9", "BSD-3-Clause"]
    assert first.endswith("get it by: edgeward weights fetch mobilenet_v2")
    run("import", str(file))
    kept = tmp_path / "own" / KNOWN[0].file
    assert run("list").splitlines()[1].endswith(f" {kept}")
    kept.write_bytes(b"other")
    assert f"{kept}: expected SHA-256" in run().splitlines()[1]


def test_the_columns_of_the_list_stand_below_each_other() -> None:
    """Also those behind the longest name of an architecture."""
    head, *rows = run().splitlines()
    assert {row.index(" imagenet ") for row in rows} == {head.index(" weights ")}


def test_a_known_file_is_imported_by_its_hash(tmp_path: Path, file: Path) -> None:
    """Whatever it is called; then it is verified."""
    kept = tmp_path / "own" / KNOWN[0].file
    assert run("import", str(file)) == f"weights {kept}\n"
    assert kept.read_bytes() == file.read_bytes()
    assert run("verify", "mobilenet_v2").startswith("mobilenet_v2: right, SHA-256 ")
    assert run("verify", "efficientnet_lite0") == "efficientnet_lite0: not here\n"
    assert run("fetch", "mobilenet_v2") == f"weights {kept}\n"


def test_another_file_needs_a_name(tmp_path: Path, file: Path) -> None:
    """It keeps its suffix, and stands in the list."""
    torch.save({"b.weight": torch.ones(4)}, file)
    with pytest.raises(WeightsError, match="give it a name with --as NAME"):
        run("import", str(file))
    kept = tmp_path / "own/parts-2026.pth"
    assert run("import", str(file), "--as", "parts-2026") == f"weights {kept}\n"
    assert run().splitlines()[-1].split() == ["parts-2026.pth", "0.0", "MB", str(kept)]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("mobilenet_v2", "expected SHA-256"),
        ("../out", "--as: expected letters, digits, dots and dashes"),
        (".hidden", "--as: expected letters, digits, dots and dashes"),
    ],
)
def test_a_wrong_name_imports_nothing(tmp_path: Path, file: Path, name: str, why: str) -> None:
    """What is not the architecture's weights, or would lie elsewhere."""
    torch.save({"b.weight": torch.ones(4)}, file)
    with pytest.raises(WeightsError, match=why):
        run("import", str(file), "--as", name)
    assert not (tmp_path / "own").exists()


def test_what_is_no_weights_is_not_imported(tmp_path: Path, file: Path) -> None:
    """A damaged file, and one of another kind: nothing of them is kept."""
    file.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="expected a whole file of weights"):
        run("import", str(file), "--as", "mine")
    picture = file.rename(tmp_path / "a.png")
    with pytest.raises(WeightsError, match=r"expected a suffix of \.safetensors"):
        run("import", str(picture), "--as", "mine")
    assert not (tmp_path / "own").exists()


def test_a_wrong_file_is_named_by_verify(tmp_path: Path, file: Path) -> None:
    """All are looked at before the error; a right copy beside it does not excuse it."""
    run("import", str(file))
    other = tmp_path / "torch/hub/checkpoints" / KNOWN[0].file
    other.parent.mkdir(parents=True)
    other.write_bytes(b"other")
    with pytest.raises(WeightsError, match=f"{other}: expected SHA-256"):
        run("verify")


def test_what_is_not_known_cannot_be_fetched() -> None:
    """The error lists what can."""
    with pytest.raises(WeightsError, match=r"weights: expected one of mobilenet_v2, .* found 'x'"):
        run("fetch", "x")


def test_a_repository_is_fetched_into_its_own_cache(tmp_path: Path) -> None:
    """What a build would do by itself, before it: here it is there already."""
    link = tmp_path / "hf/hub/models--timm--net/snapshots/0123/model.safetensors"
    link.parent.mkdir(parents=True)
    link.write_bytes(b"tensors")
    assert run("fetch", "hf:timm/net@0123") == f"weights {link}\n"
    with pytest.raises(WeightsError, match="EDGEWARD_OFFLINE is set"):
        run("fetch", "hf:timm/net")


@pytest.mark.parametrize(
    "arguments", [["fetch"], ["fetch", "hf:net"], ["import"], ["list", "x"], ["frob"]]
)
def test_a_wrong_command_line_is_refused(arguments: list[str]) -> None:
    """As typer refuses: usage, and what was expected."""
    done = CliRunner().invoke(app, ["weights", *arguments])
    assert done.exit_code == 2
    assert "expected" in done.output


def test_a_name_is_for_imports_alone() -> None:
    """Elsewhere it would be ignored."""
    assert CliRunner().invoke(app, ["weights", "--as", "x"]).exit_code == 2
