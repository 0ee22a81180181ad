"""The .deb of `make deb`: what is in it, and that it runs from where it was unpacked."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = sorted((ROOT / "dist").glob("edgeward-agent_*.deb"))


def dpkg(*arguments: str) -> str:
    tool = shutil.which("dpkg-deb")
    if tool is None:
        pytest.skip("needs dpkg-deb: a Debian system has it")
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True).stdout


def built(pattern: str = "") -> Path:
    found = [path for path in BUILT if re.search(pattern, path.name)]
    if not found:
        pytest.skip(f"needs a package {pattern} in dist: make deb ARGS='--arch ... --python ...'")
    return found[0]


def test_it_holds_what_a_device_needs_and_nothing_of_a_host() -> None:
    """Owned by root, with the command, the unit and the packages; no pipeline, no compiled file."""
    lines = dpkg("--contents", str(built())).splitlines()
    assert all(line.split()[1] == "root/root" for line in lines)
    names = {line.split(None, 5)[5] for line in lines}
    site = "./usr/lib/edgeward/site-packages"
    for needed in (
        *("./usr/bin/edgeward-agent", "./usr/lib/systemd/system/edgeward-agent.service"),
        *(f"{site}/{name}/" for name in ("edge_agent", "numpy", "cv2", "paho", "msgspec")),
        "./usr/share/doc/edgeward-agent/examples/agent.example.toml",
        "./usr/share/bash-completion/completions/edgeward-agent",
    ):
        assert needed in names
    assert not [name for name in names if "__pycache__" in name]
    assert f"{site}/pipeline/" not in names
    assert f"{site}/quantization/" not in names


def test_machine_code_is_for_the_processor_it_says() -> None:
    """ELF files of another machine would be found on the device only."""
    package = built()
    arch = dpkg("--field", str(package), "Architecture").strip()
    machine = {"arm64": "aarch64", "amd64": "x86_64"}[arch]
    names = dpkg("--contents", str(package))
    found = set(re.findall(r"cpython-\d+-([a-z0-9_]+)-linux", names))
    assert found == {machine}


def test_the_version_of_python_is_asked_for() -> None:
    """Its packages load in one version only, so no other satisfies it."""
    package = built()
    minor = re.search(r"\+py3(\d+)_", package.name)
    assert minor is not None
    needs = dpkg("--field", str(package), "Depends")
    assert f"python3 (>= 3.{minor[1]}), python3 (<< 3.{int(minor[1]) + 1})" in needs


def test_it_runs_unpacked(tmp_path: Path) -> None:
    """The doctor finds Python, packages and runtime well, from the package's own files."""
    version = f"{sys.version_info[0]}{sys.version_info[1]}"
    package = built(rf"\+py{version}_amd64")
    dpkg("--extract", str(package), str(tmp_path))
    unit = (tmp_path / "usr/lib/systemd/system/edgeward-agent.service").read_text()
    assert "ExecStart=/usr/bin/edgeward-agent run " in unit
    command = (tmp_path / "usr/bin/edgeward-agent").read_text()
    site = "/usr/lib/edgeward/site-packages"
    assert command.splitlines()[1] == f"export PYTHONPATH={site}"
    python = str(Path(sys.executable).resolve())
    done = subprocess.run(
        [python, "-sP", "-m", "edge_agent.cli", "doctor"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}{site}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok    runtime" in done.stdout


@pytest.mark.parametrize("target", ["wheel", "deb"])
def test_neither_wheel_nor_package_needs_a_hosts_environment(target: str) -> None:
    """Made from nothing, both ask for a Python with pip: no torch, and none of 1.7 GB."""
    tool = shutil.which("make")
    if tool is None:
        pytest.skip("needs make")
    done = subprocess.run(
        [tool, "-n", "-B", target], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ".venv-build/bin/python" in done.stdout
    assert ".venv/bin" not in done.stdout
    assert "torch" not in done.stdout
