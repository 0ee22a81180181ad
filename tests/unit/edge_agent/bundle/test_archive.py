"""Bundles: written whole, opened only if every byte is right."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from support.bright import bright_manifest, write_bright

from edge_agent.bundle.archive import (
    Bundle,
    bundle_files,
    open_bundle,
    pack,
    sha256,
    write_bundle,
)
from edge_agent.common.errors import BundleError, TaskError
from edge_agent.tasks.kinds import TASK_NAMES


@pytest.fixture(params=["bright", "bright.edgeward"], ids=["directory", "archive"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The tiny bundle in both of its forms."""
    place = tmp_path / str(request.param)
    write_bright(place)
    return place


def test_both_forms_open_to_the_same_bundle(path: Path, bright_bundle: Bundle) -> None:
    """Directory and archive hold the same content under the same id."""
    bundle = open_bundle(path)
    assert bundle.id == bright_bundle.id
    assert bundle.manifest == bright_bundle.manifest
    assert bundle.model == bright_bundle.model
    assert bundle.short_id == f"bright@{bundle.id[:12]}"


@pytest.mark.parametrize("name", ["bright", "bright.edgeward"])
def test_the_folders_above_are_made(name: str, tmp_path: Path, bright_bundle: Bundle) -> None:
    """All that are missing; what stood there before is replaced."""
    for _ in range(2):
        write_bright(tmp_path / "not" / "yet" / "there" / name)
    assert open_bundle(tmp_path / "not" / "yet" / "there" / name).id == bright_bundle.id


def test_golden_frames_survive(path: Path, bright_bundle: Bundle) -> None:
    """Images and outputs come back as they were put in."""
    for ours, theirs in zip(open_bundle(path).golden, bright_bundle.golden, strict=True):
        np.testing.assert_array_equal(ours.image, theirs.image)
        np.testing.assert_array_equal(ours.outputs, theirs.outputs)


def test_the_same_content_is_the_same_bytes(tmp_path: Path) -> None:
    """Packing twice gives one archive: no time and no order of a dictionary gets in."""
    for name in ("a.edgeward", "b.edgeward"):
        write_bright(tmp_path / name)
    assert (tmp_path / "a.edgeward").read_bytes() == (tmp_path / "b.edgeward").read_bytes()


def test_sha256sum_can_check_the_manifest(tmp_path: Path) -> None:
    """The checksum file is in coreutils' format, so that a person needs none of our code."""
    write_bright(tmp_path / "bright")
    command = ["sha256sum", "--check", "manifest.sha256"]
    done = subprocess.run(command, cwd=tmp_path / "bright", capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "manifest.json: OK")


@pytest.mark.parametrize("name", ["model.tflite", "golden.npz"])
def test_one_changed_byte_in_a_file_is_named(tmp_path: Path, name: str) -> None:
    """The error names the file, the hash it should have and the one it has."""
    write_bright(tmp_path / "bright")
    file = tmp_path / "bright" / name
    original = file.read_bytes()
    changed = bytes([original[0] ^ 1]) + original[1:]
    file.write_bytes(changed)
    with pytest.raises(BundleError) as caught:
        open_bundle(tmp_path / "bright")
    expected, found = sha256(original), sha256(changed)
    assert str(caught.value) == f"{file}: expected SHA-256 {expected}, found {found}"


def test_one_changed_byte_in_the_manifest_is_named(tmp_path: Path) -> None:
    """The manifest's own hash stands in manifest.sha256."""
    write_bright(tmp_path / "bright")
    file = tmp_path / "bright" / "manifest.json"
    text = file.read_bytes()
    file.write_bytes(text.replace(b"bright", b"brighu", 1))
    with pytest.raises(BundleError) as caught:
        open_bundle(tmp_path / "bright")
    assert str(caught.value) == (
        f"{file}: expected the SHA-256 in manifest.sha256, {sha256(text)}, "
        f"found {sha256(file.read_bytes())}"
    )


def test_every_single_byte_of_an_archive_counts(tmp_path: Path) -> None:
    """No byte can change unnoticed, not even one of the zip's own dates or flags."""
    whole = tmp_path / "whole.edgeward"
    write_bright(whole)
    data = whole.read_bytes()
    broken = tmp_path / "broken.edgeward"
    # Every byte of the zip's own fields and a sample of the content, which is hashed anyway.
    structure = [i for i in range(len(data)) if i < 600 or i > len(data) - 600]
    for place in {*structure, *range(600, len(data) - 600, 37)}:
        changed = bytearray(data)
        changed[place] ^= 0x20
        broken.write_bytes(changed)
        with pytest.raises(BundleError):
            open_bundle(broken)


@pytest.mark.parametrize("keep", [0, 1, 10, 1000, -1])
def test_a_cut_off_archive_is_refused(tmp_path: Path, keep: int) -> None:
    """However little is missing, the error says that the archive is damaged."""
    place = tmp_path / "cut.edgeward"
    write_bright(place)
    place.write_bytes(place.read_bytes()[:keep])
    with pytest.raises(BundleError, match=r"cut\.edgeward: expected a bundle archive"):
        open_bundle(place)


def test_a_missing_bundle_is_refused(tmp_path: Path) -> None:
    """Nothing there: the path and both forms are named."""
    place = tmp_path / "none"
    with pytest.raises(BundleError) as caught:
        open_bundle(place)
    expected = "expected a bundle directory or .edgeward file, found nothing"
    assert str(caught.value) == f"{place}: {expected}"


def test_a_file_too_few_or_too_many_is_refused(tmp_path: Path) -> None:
    """Both a missing and an unknown file are named."""
    write_bright(tmp_path / "bright")
    (tmp_path / "bright" / "notes.txt").write_text("hello")
    with pytest.raises(BundleError, match=r"found also notes\.txt$"):
        open_bundle(tmp_path / "bright")
    (tmp_path / "bright" / "notes.txt").unlink()
    (tmp_path / "bright" / "golden.npz").unlink()
    with pytest.raises(BundleError, match=r"found no golden\.npz$"):
        open_bundle(tmp_path / "bright")


def rewritten(path: Path, change: dict[str, object]) -> Path:
    """The tiny bundle with top-level manifest fields replaced and all hashes right."""
    write_bright(path)
    manifest = json.loads((path / "manifest.json").read_text())
    text = json.dumps({**manifest, **change}).encode()
    (path / "manifest.json").write_bytes(text)
    checksum = f"{hashlib.sha256(text).hexdigest()}  manifest.json\n"
    (path / "manifest.sha256").write_text(checksum)
    return path


def test_a_bundle_of_another_task_says_which(tmp_path: Path) -> None:
    """A sound bundle for a task this agent does not know is its own kind of error."""
    place = rewritten(tmp_path / "other", {"output": {"task": "detect", "anchors": []}})
    with pytest.raises(TaskError) as caught:
        open_bundle(place)
    expected = f"expected a bundle for the task {' or '.join(TASK_NAMES)}, found 'detect'"
    assert str(caught.value) == f"{place}/manifest.json: {expected}"


def test_a_bundle_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    """The format is read before anything else, and the error says what to do."""
    place = rewritten(tmp_path / "new", {"format": 3, "output": "in a way nobody knows yet"})
    with pytest.raises(BundleError, match="expected bundle format 1 or 2, found 3; install the"):
        open_bundle(place)


def test_an_unknown_manifest_field_is_refused(tmp_path: Path) -> None:
    """A field this agent would ignore could be one that matters."""
    place = rewritten(tmp_path / "extra", {"thresholds": [1]})
    with pytest.raises(BundleError, match="Object contains unknown field `thresholds`"):
        open_bundle(place)


def test_a_wrong_value_is_named_with_its_path(tmp_path: Path) -> None:
    """The error says where in the manifest the wrong value stands."""
    place = rewritten(
        tmp_path / "bad",
        {"input_affine": {"scale": 0, "zero_point": 0}},
    )
    with pytest.raises(BundleError, match=r"found 0\.0.* - at `\$\.input_affine`"):
        open_bundle(place)


def test_a_failed_write_leaves_the_old_bundle(tmp_path: Path) -> None:
    """A bundle that cannot be written whole changes nothing and leaves nothing."""
    place = tmp_path / "bright"
    write_bright(place)
    before = open_bundle(place).id
    no_bytes = cast("bytes", "text")  # which the second file cannot be written of
    with pytest.raises(TypeError):
        write_bundle({"manifest.json": b"", "model.tflite": no_bytes}, place)
    assert open_bundle(place).id == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["bright"]


def test_an_archive_with_the_right_content_in_another_order_is_refused(
    tmp_path: Path, bright_bundle: Bundle
) -> None:
    """There is one archive for one content; any other did not come from us."""
    files = bundle_files(bright_manifest(), bright_bundle.model, bright_bundle.golden)
    good = pack(files)
    assert good == pack(dict(reversed(files.items())))
    place = tmp_path / "padded.edgeward"
    place.write_bytes(b"padding" + good)
    with pytest.raises(BundleError, match="as Edgeward packs it, found altered bytes"):
        open_bundle(place)


@pytest.mark.parametrize("limit", [100, 2000])
def test_a_bundle_that_would_fill_the_memory_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """By its size on disk, before any of it is read."""
    monkeypatch.setattr("edge_agent.bundle.archive.MAX_BYTES", limit)
    with pytest.raises(BundleError, match=rf": expected at most {limit} bytes, found \d+$"):
        open_bundle(path)


def test_others_may_read_a_bundle_that_is_a_directory(tmp_path: Path) -> None:
    """The agent runs as a user of its own."""
    write_bright(tmp_path / "bright")
    assert (tmp_path / "bright").stat().st_mode & 0o777 == 0o755
