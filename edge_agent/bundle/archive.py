"""Writing and opening bundles: a directory, or the same files as one `.edgeward` archive.

Both forms are deterministic: the same content is the same bytes. `manifest.sha256` is in
the format of `sha256sum`, so `sha256sum -c manifest.sha256` checks the manifest by hand,
and the manifest holds the hashes of the other files.
"""

import hashlib
import io
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.bundle import format1
from edge_agent.bundle.golden import ZIP_DATE, GoldenFrame, decode_golden, encode_golden
from edge_agent.bundle.manifest import (
    FORMAT_VERSION,
    GOLDEN_FILE,
    MODEL_FILE,
    Manifest,
    decode_manifest,
    encode_manifest,
    format_version,
)
from edge_agent.common.atomic import write_whole
from edge_agent.common.errors import BundleError

MANIFEST_FILE = "manifest.json"
CHECKSUM_FILE = "manifest.sha256"
ARCHIVE_SUFFIX = ".edgeward"
FILES = (MANIFEST_FILE, CHECKSUM_FILE, MODEL_FILE, GOLDEN_FILE)
# No bundle for a Pi-class device comes near it; a hostile archive must not fill the memory.
MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every byte has been checked.

    Args:
        path: where it was opened.
        manifest: what it says about itself.
        model: the bytes of the TFLite file.
        golden: frames with their expected raw outputs.
        id: SHA-256 of the manifest, which covers all the rest.
    """

    path: Path
    manifest: Manifest
    model: bytes
    golden: tuple[GoldenFrame, ...]
    id: str

    @property
    def short_id(self) -> str:
        """The name and the first twelve digits of the id: `digits@1a2b3c4d5e6f`."""
        return f"{self.manifest.name}@{self.id[:12]}"


def sha256(data: bytes) -> str:
    """The SHA-256 of `data` in hex."""
    return hashlib.sha256(data).hexdigest()


def bundle_files(
    manifest: Manifest, model: bytes, golden: tuple[GoldenFrame, ...]
) -> dict[str, bytes]:
    """The files of a bundle by name, in today's format, with the hashes in the manifest."""
    payload = {MODEL_FILE: model, GOLDEN_FILE: encode_golden(golden)}
    hashes = {name: sha256(data) for name, data in payload.items()}
    sealed = msgspec.structs.replace(manifest, format=FORMAT_VERSION, files=hashes)
    text = encode_manifest(sealed)
    checksum = f"{sha256(text)}  {MANIFEST_FILE}\n".encode()
    return {MANIFEST_FILE: text, CHECKSUM_FILE: checksum, **payload}


def write_bundle(files: Mapping[str, bytes], path: Path) -> None:
    """Write `files` as a directory at `path`, or as one archive if it ends in .edgeward.

    The bundle appears whole or not at all; an existing one is replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ARCHIVE_SUFFIX:
        write_whole(path, pack(files))
        return
    staging = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        for name, data in files.items():
            (staging / name).write_bytes(data)
        staging.chmod(0o755)
        if path.exists():
            shutil.rmtree(path)
        staging.rename(path)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def pack(files: Mapping[str, bytes]) -> bytes:
    """`files` as a zip archive that is the same bytes for the same content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), files[name])
    return buffer.getvalue()


def open_bundle(path: Path) -> Bundle:
    """The bundle at `path`, a directory or an archive, with every byte checked.

    Raises:
        BundleError: missing, not a bundle, a file missing or too many, a hash that does
            not match, or a manifest this agent does not understand.
    """
    files = _read(path)
    _check_names(files, path)
    text = files[MANIFEST_FILE]
    expected = f"{sha256(text)}  {MANIFEST_FILE}\n".encode()
    if files[CHECKSUM_FILE] != expected:
        found = files[CHECKSUM_FILE][:64].decode("ascii", "replace")
        raise BundleError(
            f"{path}/{MANIFEST_FILE}: expected the SHA-256 in {CHECKSUM_FILE}, {found}, "
            f"found {sha256(text)}"
        )
    manifest = _manifest(text, f"{path}/{MANIFEST_FILE}")
    extra = sorted(set(manifest.files) - {MODEL_FILE, GOLDEN_FILE})
    if extra:
        raise BundleError(
            f"{path}/{MANIFEST_FILE}: expected the hashes of {MODEL_FILE} and {GOLDEN_FILE}, "
            f"found also {', '.join(extra)}"
        )
    for name in (MODEL_FILE, GOLDEN_FILE):
        wanted, found = manifest.files.get(name, "none"), sha256(files[name])
        if wanted != found:
            raise BundleError(f"{path}/{name}: expected SHA-256 {wanted}, found {found}")
    golden = _golden(files[GOLDEN_FILE], manifest, f"{path}/{GOLDEN_FILE}")
    return Bundle(path, manifest, files[MODEL_FILE], golden, sha256(text))


def _manifest(text: bytes, place: str) -> Manifest:
    if format_version(text, place) == format1.VERSION:
        return format1.decode_manifest(text, place)
    return decode_manifest(text, place)


def _golden(data: bytes, manifest: Manifest, place: str) -> tuple[GoldenFrame, ...]:
    if manifest.format == format1.VERSION:
        return format1.decode_golden(data, manifest, place)
    return decode_golden(data, manifest.golden.frames, manifest.outputs, place)


def _read(path: Path) -> dict[str, bytes]:
    try:
        if path.is_dir():
            return _read_directory(path)
        if path.is_file():
            return _read_archive(path)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read: {error.strerror}") from error
    raise BundleError(
        f"{path}: expected a bundle directory or {ARCHIVE_SUFFIX} file, found nothing"
    )


def _read_directory(path: Path) -> dict[str, bytes]:
    present = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith("."))
    size = sum((path / name).stat().st_size for name in present)
    _check_size(size, path)
    return {name: (path / name).read_bytes() for name in present if (path / name).is_file()}


def _read_archive(path: Path) -> dict[str, bytes]:
    _check_size(path.stat().st_size, path)
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            # Packing compresses nothing; so no member can grow, nor a decompressor fail.
            if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                raise BundleError(
                    f"{path}: expected a bundle archive as Edgeward packs it, found it compressed"
                )
            files = {info.filename: archive.read(info) for info in archive.infolist()}
    # Damage shows as any of these, depending on the byte that is hit.
    except (
        OSError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
        EOFError,
        ValueError,
        OverflowError,  # an offset beyond 32 bits, on a system of 32 bits
    ) as error:
        raise BundleError(
            f"{path}: expected a bundle archive, found a damaged one: {error}"
        ) from error
    # Packing is deterministic, so any byte that differs, even in the zip's own fields, shows.
    if pack(files) != data:
        raise BundleError(
            f"{path}: expected a bundle archive as Edgeward packs it, found altered bytes"
        )
    return files


def _check_names(files: Mapping[str, bytes], path: Path) -> None:
    missing = [name for name in FILES if name not in files]
    extra = sorted(set(files) - set(FILES))
    if missing or extra:
        raise BundleError(
            f"{path}: expected the files {', '.join(FILES)}, found "
            f"{'no ' + ', '.join(missing) if missing else 'also ' + ', '.join(extra)}"
        )


def _check_size(size: int, path: Path) -> None:
    if size > MAX_BYTES:
        raise BundleError(f"{path}: expected at most {MAX_BYTES} bytes, found {size}")
