"""What pip would install on a host: no CUDA, and no more than is said of it.

pip plans, and installs nothing; the sizes are those of the same versions in this environment. What
needs an index that does not answer is skipped, with the reason.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Packages of a GPU, by how their names begin.
OF_A_GPU = re.compile(r"(nvidia|cuda|cupy|triton|pytorch-triton)(-|$)")
# As `du` counts, without the bytecode that Python makes of them: 1.3 GiB.
MOST_BYTES = 1.3 * 2**30


def cpu_index() -> str | None:
    """The index of PyTorch's CPU builds, if it answers as scripts/install-torch.sh asks it to."""
    script = (ROOT / "scripts/install-torch.sh").read_text(encoding="utf-8")
    found = re.search(r"(?m)^INDEX=\$\{TORCH_INDEX-(\S+)\}$", script)
    assert found is not None, "install-torch.sh names the index"
    index = os.environ.get("TORCH_INDEX", found[1])
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=5) as answer:
            listed = urllib.parse.unquote(answer.read().decode())
    except (OSError, ValueError, urllib.error.URLError):
        return None
    return index if "torch-" in listed else None


@pytest.fixture(name="plan", scope="module")
def _plan(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What pip would install for `edgeward[host]` into an empty environment: name to version."""
    if sys.platform != "linux":
        pytest.skip("CUDA comes with torch on Linux alone")
    index = cpu_index()
    report = tmp_path_factory.mktemp("plan") / "report.json"
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["host"]]
    extra = [] if index is None else ["--extra-index-url", index]
    try:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet"),
                *("--ignore-installed", "--report", str(report)),
                *("-c", str(ROOT / "constraints.txt"), *extra, *wanted),
            ],
            capture_output=True,
            text=True,
            timeout=240,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("pip's index did not answer within four minutes")
    if done.returncode != 0:
        pytest.skip(f"pip cannot plan here: {done.stderr.strip().splitlines()[-1]}")
    made = versions(json.loads(report.read_text(encoding="utf-8")))
    if index is None and "+cpu" not in made["torch"]:
        pytest.skip("PyTorch's index of CPU builds does not answer, and pip knows none of them")
    return made


def versions(report: dict[str, Any]) -> dict[str, str]:
    """Name to version of what a report of pip would install."""
    found = (entry["metadata"] for entry in report["install"])
    return {canonicalize_name(one["name"]): one["version"] for one in found}


def gpu_packages(plan: dict[str, str]) -> list[str]:
    """Those that are for a GPU."""
    return [name for name in plan if OF_A_GPU.match(name)]


def test_nothing_of_cuda_is_planned_for_a_host(plan: dict[str, str]) -> None:
    """With PyTorch's index, or its CPU build at hand, as scripts/install-torch.sh installs it."""
    assert plan["torch"].endswith("+cpu")
    assert gpu_packages(plan) == []


def test_a_host_is_no_larger_than_is_said(plan: dict[str, str]) -> None:
    """Every file of every package that is planned, as this environment has them unpacked."""
    total = 0
    for name, version in plan.items():
        distribution = importlib.metadata.distribution(name)
        if distribution.version != version:
            pytest.skip(
                f"{name} {version} is planned, {distribution.version} is here to be measured"
            )
        total += sum(file.size or 0 for file in distribution.files or ())
    assert 0.5 * MOST_BYTES < total <= MOST_BYTES


def test_the_build_for_cuda_would_be_seen() -> None:
    """Must fire: as x86-64 Linux gets it from the usual index. Must not: what only sounds so."""
    report = {
        "install": [
            {"metadata": {"name": name, "version": "1"}}
            for name in ("torch", "nvidia-cublas-cu12", "triton", "cuda-bindings", "tritonclient")
        ]
    }
    found = gpu_packages(versions(report))
    assert found == ["nvidia-cublas-cu12", "triton", "cuda-bindings"]
