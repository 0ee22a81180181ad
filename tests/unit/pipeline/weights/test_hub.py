"""Weights of Hugging Face repositories: its cache first, its own client for what is not there."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from support.hub_server import COMMIT, REPO, hub_server

from pipeline.common.errors import WeightsError
from pipeline.weights.find import find_weights
from pipeline.weights.hub import hub_weights

CONTENT = b"tensors"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def cached(root: Path, name: str = "model.safetensors", content: bytes = CONTENT) -> Path:
    """The cache as its client lays it out: blobs, a link in a snapshot, and a name for that."""
    repo = root / "hf/hub/models--timm--net.in1k"
    blob = repo / "blobs" / SHA256
    link = repo / "snapshots" / COMMIT / name
    for path in (blob, link, repo / "refs/main"):
        path.parent.mkdir(parents=True, exist_ok=True)
    blob.write_bytes(content)
    link.symlink_to(os.path.relpath(blob, link.parent))
    (repo / "refs/main").write_text(COMMIT)
    return link


def find(root: Path, text: str) -> tuple[Path, str, str]:
    found = find_weights(text, "mobilenet_v2", root, root)
    return found.path, found.sha256, found.label


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_what_is_cached_is_found_without_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revision: str
) -> None:
    """By branch or commit; no package is asked for, and no network may be."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    link = cached(tmp_path)
    label = f"hf:{REPO}@{COMMIT}:model.safetensors"
    assert find(tmp_path, f"hf:{REPO}{revision}") == (link, SHA256, label)


def test_the_cache_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`HF_HUB_CACHE` counts before `HF_HOME`."""
    link = cached(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "nowhere"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hf/hub"))
    assert find(tmp_path, f"hf:{REPO}")[0] == link


def test_a_file_of_the_repository_may_be_named(tmp_path: Path) -> None:
    """In a folder of it, too; without a name the pickled file is the second choice."""
    link = cached(tmp_path, "old/net.pth")
    assert find(tmp_path, f"hf:{REPO}:old/net.pth")[0] == link
    other = cached(tmp_path, "pytorch_model.bin")
    assert find(tmp_path, f"hf:{REPO}")[0] == other


def test_a_cached_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    """The blob's name is its hash."""
    link = cached(tmp_path, content=CONTENT[:-1])
    with pytest.raises(WeightsError, match=rf"{link}: expected SHA-256 {SHA256}, as its blob"):
        find(tmp_path, f"hf:{REPO}")


def test_the_normalisation_is_read_beside_the_weights(tmp_path: Path) -> None:
    """As timm writes it; a file that says nothing of it, or nonsense, says nothing."""
    link = cached(tmp_path)
    config = link.parent / "config.json"
    found = [find_weights(f"hf:{REPO}", "mobilenet_v2", tmp_path, tmp_path).normalisation]
    for told in ({"mean": [0.5] * 3, "std": [0.25] * 3}, {"mean": 3}, None):
        config.write_text(json.dumps({"pretrained_cfg": told}))
        found.append(find_weights(f"hf:{REPO}", "mobilenet_v2", tmp_path, tmp_path).normalisation)
    assert found == [None, ((0.5,) * 3, (0.25,) * 3), None, None]


@pytest.mark.parametrize("variable", ["EDGEWARD_OFFLINE", "HF_HUB_OFFLINE"])
def test_without_network_the_error_says_what_to_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """The file, the repository, and the folder that was looked at."""
    monkeypatch.delenv("EDGEWARD_OFFLINE")
    monkeypatch.setenv(variable, "true")
    with pytest.raises(WeightsError) as error:
        find(tmp_path, f"hf:{REPO}")
    assert str(error.value) == (
        "model.weights: expected model.safetensors or pytorch_model.bin of timm/net.in1k at main "
        f"in {tmp_path}/hf/hub/models--timm--net.in1k, found none, and {variable} is set; copy "
        "model.safetensors of that repository to this machine and name that file in the recipe, "
        "or copy this folder from a machine that has it"
    )


def test_fetching_needs_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the client the error names it, and the way without it."""
    monkeypatch.delenv("EDGEWARD_OFFLINE")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(WeightsError, match=r"pip install 'edgeward\[hub\]'; else copy model"):
        find(tmp_path, f"hf:{REPO}")


@pytest.fixture(name="client")
def _client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real client, which may ask networks."""
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    monkeypatch.delenv("EDGEWARD_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_PROGRESS_BARS", True)


@pytest.mark.usefixtures("client")
def test_the_real_client_fetches_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cache is laid out as ours reads it: the second time nobody is asked."""
    config = json.dumps({"pretrained_cfg": {"mean": [0.5], "std": [0.2]}}).encode()
    with hub_server({"model.safetensors": CONTENT, "config.json": config}) as (url, asked):
        monkeypatch.setenv("HF_ENDPOINT", url)
        first = find_weights(f"hf:{REPO}", "mobilenet_v2", tmp_path, tmp_path)
        count = len(asked)
        assert count >= 2
        assert find_weights(f"hf:{REPO}", "mobilenet_v2", tmp_path, tmp_path) == first
        assert len(asked) == count
    assert first.path.is_relative_to(tmp_path / "hf/hub")
    assert (first.sha256, first.label) == (SHA256, f"hf:{REPO}@{COMMIT}:model.safetensors")
    assert first.normalisation == ((0.5,), (0.2,))


@pytest.mark.usefixtures("client")
def test_a_repository_without_a_usable_file_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both names are asked for, and the error says how to name another file."""
    with hub_server({"README.md": b"#", "net.onnx": b"."}) as (url, _):
        monkeypatch.setenv("HF_ENDPOINT", url)
        with pytest.raises(WeightsError) as error:
            find(tmp_path, f"hf:{REPO}")
    assert str(error.value) == (
        "model.weights: expected model.safetensors or pytorch_model.bin in timm/net.in1k at main, "
        "found neither; name the file: hf:timm/net.in1k:FILE"
    )


@pytest.mark.usefixtures("client")
def test_a_hub_out_of_reach_is_no_missing_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Must fire: its client calls both an entry that was not found."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _seconds: None)  # it tries six times
    with pytest.raises(WeightsError, match=r"copy model\.safetensors of that repository") as error:
        find(tmp_path, f"hf:{REPO}")
    assert "found neither" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("client")
def test_another_repository_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not exist, or needs a token."""
    with hub_server({}) as (url, _):
        monkeypatch.setenv("HF_ENDPOINT", url)
        with pytest.raises(WeightsError, match=r"expected model\.safetensors of timm/gone at main"):
            find(tmp_path, "hf:timm/gone")


@pytest.mark.parametrize(
    "text", ["hf:", "hf:net", "hf:a/b/c", "hf:a/b@", "hf:a/b:", "hf:a/b:../x", "hf:a/b:/x", "hf:/b"]
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    """One organisation, one name; a file within."""
    with pytest.raises(ValueError, match=r"expected hf:ORGANISATION/NAME\[@REVISION\]\[:FILE\]"):
        hub_weights(text)
