"""Build dist/edgeward-agent_*.deb: the agent with all its Python packages, installable offline.

Without root, by pip (for any processor) and dpkg-deb. docs/explanation/decisions.md says why it
is made like this.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
SITE = "usr/lib/edgeward/site-packages"
DOC = "usr/share/doc/edgeward-agent"
# As Debian and as wheels name a processor.
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
# The oldest C library of a system with Python 3.11 is Debian 12's.
GLIBCS = [(2, minor) for minor in range(36, 16, -1)]
# Debian 12 and 13, and the versions that are put in. What the former's own packages (Picamera2
# among them) were compiled against is numpy 1, and they would not load beside another.
PYTHONS = {"3.11": "constraints-numpy1.txt", "3.13": "constraints.txt"}
# Of the wheel: what only a host needs.
HOST_ONLY = ("pipeline", "quantization")


@dataclass(frozen=True)
class Target:
    """For which systems: Debian's name of the processor, and Python's version."""

    arch: str
    python: str

    @property
    def platforms(self) -> list[str]:
        """The wheels that run there, as pip asks for them."""
        machine = MACHINES[self.arch]
        tags = [f"manylinux_{major}_{minor}_{machine}" for major, minor in GLIBCS]
        return [*tags, f"manylinux2014_{machine}", f"linux_{machine}"]

    @property
    def executable(self) -> str:
        """Debian's Python of that version."""
        return f"/usr/bin/python{self.python}"


def main() -> None:
    """Parse, build, say where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--arch", choices=sorted(MACHINES), default="arm64")
    parser.add_argument("--python", choices=sorted(PYTHONS), default="3.13")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    built = build(Target(options.arch, options.python), options.out)
    sys.stdout.write(f"{built}: {built.stat().st_size / 1024**2:.1f} MB\n")


def build(target: Target, out: Path) -> Path:
    """The package for `target`, in the folder `out`."""
    with tempfile.TemporaryDirectory() as folder:
        stage, wheels = Path(folder) / "stage", Path(folder) / "wheels"
        pip("wheel", "--no-deps", "-w", str(wheels), str(ROOT))
        (wheel,) = wheels.glob("edgeward-*.whl")
        version = wheel.name.split("-")[1]
        install_packages(stage, wheel, target)
        install_files(stage, target)
        write_control(stage, version, target)
        out.mkdir(parents=True, exist_ok=True)
        name = f"edgeward-agent_{version}+py{target.python.replace('.', '')}_{target.arch}.deb"
        # Owned by root whoever builds it.
        run(
            "dpkg-deb",
            "--root-owner-group",
            "-Zzstd",
            "-z9",
            "--build",
            str(stage),
            str(out / name),
        )
    return out / name


def install_packages(stage: Path, wheel: Path, target: Target) -> None:
    """The wheel and what it depends on, made for `target`, unpacked."""
    site = stage / SITE
    pip(
        *("install", "--target", str(site), "--only-binary=:all:", "--no-compile"),
        *("--implementation", "cp", "--python-version", target.python),
        *(part for name in target.platforms for part in ("--platform", name)),
        *("-c", str(DEPLOY / PYTHONS[target.python]), str(wheel)),
    )
    # Their scripts name this machine's Python; ours is written below.
    shutil.rmtree(site / "bin", ignore_errors=True)
    for name in HOST_ONLY:
        shutil.rmtree(site / name)
    unused = [*(site / "numpy").rglob("tests"), *site.rglob("__pycache__")]
    for folder in [path for path in unused if path.is_dir()]:
        shutil.rmtree(folder)


def install_files(stage: Path, target: Target) -> None:
    """The command, the unit and the examples."""
    # Through the environment, so that processes which the agent starts find the packages too.
    command = (
        f"#!/bin/sh\nexport PYTHONPATH=/{SITE}\n"
        f'exec {target.executable} -sP -m edge_agent.cli "$@"\n'
    )
    write(stage / "usr/bin/edgeward-agent", command, 0o755)
    unit = (DEPLOY / "edgeward-agent.service").read_text(encoding="utf-8")
    write(
        stage / "usr/lib/systemd/system/edgeward-agent.service",
        unit.replace("/opt/edgeward/bin/", "/usr/bin/").replace(
            "/usr/share/doc/edgeward", f"/{DOC}"
        ),
    )
    completion = (DEPLOY / "edgeward-agent.bash").read_text(encoding="utf-8")
    write(stage / "usr/share/bash-completion/completions/edgeward-agent", completion)
    for path in (DEPLOY / "agent.example.toml", *sorted((DEPLOY / "mosquitto").glob("*"))):
        mode = 0o755 if os.access(path, os.X_OK) else 0o644
        write(stage / DOC / "examples" / path.name, path.read_text(encoding="utf-8"), mode)


def write_control(stage: Path, version: str, target: Target) -> None:
    """What dpkg needs to know, and what it runs."""
    control = stage / "DEBIAN"
    major, minor = target.python.split(".")
    size = sum(path.stat().st_size for path in stage.rglob("*") if path.is_file()) // 1024
    fields = f"""\
Package: edgeward-agent
Version: {version}+py{major}{minor}
Architecture: {target.arch}
Maintainer: Edgeward <edgeward@localhost>
Installed-Size: {size}
Depends: python3 (>= {target.python}), python3 (<< {major}.{int(minor) + 1}), libc6, libstdc++6
Suggests: mosquitto, python3-picamera2
Section: misc
Priority: optional
Description: look at cameras, publish what is seen over MQTT
 The device half of Edgeward: runs verified int8 networks on frames of cameras and keeps
 every result until a broker has acknowledged it. All Python packages it needs are inside.
"""
    sums = "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  "
        f"{path.relative_to(stage)}\n"
        for path in sorted(stage.rglob("*"))
        if path.is_file()
    )
    write(control / "control", fields)
    write(control / "md5sums", sums)
    for script in ("postinst", "prerm", "postrm"):
        text = (DEPLOY / "debian" / script).read_text(encoding="utf-8")
        write(control / script, text.replace("@PYTHON@", target.executable), 0o755)
    for path in stage.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write `text` to `path`, whose folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def pip(*arguments: str) -> None:
    """Run pip."""
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments)


def run(*command: str) -> None:
    """Run a command; what it prints is of interest only if it fails."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
