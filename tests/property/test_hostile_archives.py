"""25,000 bundles that are damaged or mean harm: refused with a word, or as they were packed."""

import io
import json
import random
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.bright import write_bright
from support.hostile import bounded_memory, draw, hurt, judged, numbers, report

from edge_agent.bundle.archive import FILES, open_bundle, pack, sha256
from edge_agent.bundle.manifest import encode_manifest
from edge_agent.common.errors import BundleError

COUNT = 25_000
VALUES: list[Any] = [
    *(None, True, 0, -1, 1, 8193, 2**63, 10**400, 0.5, -0.0, 1e308, 1e-320, "", "x", "../x"),
    *("x" * 300, "\x00", "\x1b[2J", "\u202e", "0" * 64, "ctc", "rgb", [], [0.5] * 3, {}, [[]]),
]
PIECES = [
    b"PK\x01\x02",
    b"PK\x05\x06",
    b"\xff" * 4,
    b"\x00" * 4,
    b'"',
    b"{",
    b"[" * 3000,
    b"9" * 99,
]

Files = dict[str, bytes]
Forge = Callable[[Files, random.Random], bytes]


def sealed(files: Files) -> Files:
    """The files with every hash made right, as whoever forges a bundle would."""
    try:
        manifest = json.loads(files["manifest.json"])
        manifest["files"] = {name: sha256(files[name]) for name in ("model.tflite", "golden.npz")}
        files["manifest.json"] = json.dumps(manifest).encode()
    except (ValueError, TypeError, RecursionError):
        pass  # then only the outer hash is right
    files["manifest.sha256"] = f"{sha256(files['manifest.json'])}  manifest.json\n".encode()
    return files


def bytes_hurt(files: Files, rng: random.Random) -> bytes:
    """The whole archive, any of its bytes."""
    return hurt(pack(files), rng, PIECES)


def file_hurt(files: Files, rng: random.Random) -> bytes:
    """One file inside, no hash made right."""
    name = rng.choice(FILES)
    files[name] = hurt(files[name], rng, PIECES)
    return pack(files)


def manifest_hurt(files: Files, rng: random.Random) -> bytes:
    """The manifest's values, every hash right."""
    if rng.random() < 0.3:
        files["manifest.json"] = hurt(files["manifest.json"], rng, PIECES)
        files["manifest.sha256"] = f"{sha256(files['manifest.json'])}  manifest.json\n".encode()
        return pack(files)
    document = json.loads(files["manifest.json"])
    node = document
    while True:
        key: Any = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.2:
            break
        node = node[key]
    if rng.random() < 0.2:
        del node[key]
    else:
        node[key] = rng.choice(VALUES)
    files["manifest.json"] = json.dumps(document).encode()
    return pack(sealed(files) if rng.random() < 0.7 else files)


def golden_hurt(files: Files, rng: random.Random) -> bytes:
    """The golden frames, every hash right."""
    files["golden.npz"] = hurt(files["golden.npz"], rng, PIECES)
    return pack(sealed(files))


def zip_forged(files: Files, rng: random.Random) -> bytes:
    """What a ZIP can be: names that climb, names twice, links, compressed and swollen files."""
    buffer = io.BytesIO()
    way = rng.randrange(6)
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if way == 0 else 0) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            data = files[name]
            if way == 0:
                info.compress_type = zipfile.ZIP_DEFLATED
                data = b"\0" * (1 << rng.randrange(10, 24)) if name == "model.tflite" else data
            if way == 1:
                info.filename = rng.choice(("../", "/etc/", "a/../", "C:\\", "./", "\x00")) + name
            if way == 2:
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                data = b"/etc/passwd"
            archive.writestr(info, data)
            if way == 3:
                info.filename = name.replace("model", rng.choice(("model", "modem")))
                assert archive.fp is not None
                archive.fp.write(b"junk")
            if way == 4:
                info.comment = bytes([rng.randrange(256)])
        if way == 5:
            archive.comment = b"x"
    return buffer.getvalue()


FORGES: list[Forge] = [bytes_hurt, file_hurt, manifest_hurt, golden_hurt, zip_forged]


def kept(said: Any, meant: Any) -> bool:
    """Whether a document's every value is in another one, as it is."""
    if isinstance(said, dict) and isinstance(meant, dict):
        return all(key in meant and kept(value, meant[key]) for key, value in said.items())
    if isinstance(said, list) and isinstance(meant, list):
        return len(said) == len(meant) and all(map(kept, said, meant))
    return bool(said == meant) and isinstance(said, bool) == isinstance(meant, bool)


def test_a_mutated_bundle_is_refused_or_what_its_manifest_says(tmp_path: Path) -> None:
    """A `BundleError`; or an archive, bit for bit as packed, that means all its manifest says."""
    write_bright(tmp_path / "bright")
    good = {name: (tmp_path / "bright" / name).read_bytes() for name in FILES}
    path, taken = tmp_path / "b.edgeward", 0
    with bounded_memory():
        for number in numbers(COUNT):
            rng = draw("bundle", number)
            forge = rng.choice(FORGES)
            data = forge(dict(good), rng)
            path.write_bytes(data)
            with judged(f"bundle by {forge.__name__}", number, data[:2000]):
                try:
                    bundle = open_bundle(path)
                except BundleError as refusal:
                    words = str(refusal)
                    assert words.startswith(str(path))
                    continue
                taken += 1
                assert forge in (manifest_hurt, golden_hurt) or data == pack(good)
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    inside = {name: archive.read(name) for name in archive.namelist()}
                assert pack(inside) == data
                assert bundle.model == good["model.tflite"]
                assert bundle.id == sha256(inside["manifest.json"])
                meant = json.loads(encode_manifest(bundle.manifest))
                assert kept(json.loads(inside["manifest.json"]), meant)
    report("bundles", taken, len(numbers(COUNT)))
    assert 0 < taken < len(numbers(COUNT)) / 2


@pytest.mark.parametrize(
    "target", ["/dev/zero", "/dev/stdin", "/etc/hostname", "loop", "/proc/kcore"]
)
def test_a_link_in_a_folder_is_not_read_without_end(target: str, tmp_path: Path) -> None:
    """To a device, to itself, to what is endless: refused, and at once."""
    path = tmp_path / "bright"
    write_bright(path)
    (path / "model.tflite").unlink()
    (path / "model.tflite").symlink_to(path / "model.tflite" if target == "loop" else target)
    with bounded_memory(), pytest.raises(BundleError):
        open_bundle(path)


def test_a_zip_that_swells_is_refused_before_it_does(tmp_path: Path) -> None:
    """A quarter of a gigabyte in 256 kB, by its true size and by one that lies."""
    path = tmp_path / "b.edgeward"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("model.tflite", "w", force_zip64=True) as member,
    ):
        for _ in range(16):
            member.write(b"\0" * (1 << 24))
    with bounded_memory(), pytest.raises(BundleError, match="found it compressed"):
        open_bundle(path)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 10 : at + 12] = b"\0\0"  # "stored", with the sizes as they were
    path.write_bytes(data)
    with bounded_memory(), pytest.raises(BundleError):
        open_bundle(path)
