"""Python, the installed packages and whether they are made for this interpreter.

Imports nothing that is not in the standard library before it is asked to: a package that is
broken is a finding, not the doctor's end.
"""

import importlib
import importlib.metadata
import os
import platform
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edge_agent.common.errors import RuntimeUnavailableError, one_line
from edge_agent.doctor.report import Finding, fail, ok, skip, warn

LEAST = (3, 11)
# tflite-runtime's last wheels are for this one.
LAST_OF_TFLITE = (3, 11)
# Distribution, and the module of it that must load.
PACKAGES = (
    ("numpy", "numpy"),
    ("opencv-python-headless", "cv2"),
    ("msgspec", "msgspec"),
    ("paho-mqtt", "paho.mqtt.client"),
)
RUNTIMES = ("ai-edge-litert", "tflite-runtime")
# Each has a `cv2` of its own in the same place; the first is what we depend on.
OPENCVS = (
    "opencv-python-headless",
    "opencv-python",
    "opencv-contrib-python-headless",
    "opencv-contrib-python",
)
# How wheels name a machine, by how the kernel does.
ARM_64, X86_64 = ("aarch64", "arm64", "universal2"), ("x86_64", "amd64", "universal2")
MACHINES = {"aarch64": ARM_64, "arm64": ARM_64, "x86_64": X86_64, "amd64": X86_64}
ARM_32 = ("armv7l", "armv6l")


@dataclass(frozen=True)
class PythonBuild:
    """The Python that runs this.

    Args:
        version: major, minor, micro.
        bits: of a pointer: 32 or 64.
        machine: as the kernel names it.
        implementation: `CPython`, or another.
    """

    version: tuple[int, int, int]
    bits: int
    machine: str
    implementation: str = "CPython"

    @property
    def tag(self) -> str:
        """As wheels name it: `cp311`."""
        return f"cp{self.version[0]}{self.version[1]}"


def this_interpreter() -> PythonBuild:
    """The Python that runs this."""
    major, minor, micro = sys.version_info[:3]
    bits = struct.calcsize("P") * 8
    return PythonBuild(
        (major, minor, micro), bits, platform.machine(), platform.python_implementation()
    )


def interpreter(found: PythonBuild) -> list[Finding]:
    """Whether this Python is one the agent and its packages are made for."""
    version = ".".join(map(str, found.version))
    text = f"{found.implementation} {version}, {found.bits}-bit on {found.machine}"
    if found.version[:2] < LEAST or found.implementation != "CPython":
        return [fail("python", text, "install CPython 3.11 or newer, and the agent again with it")]
    if found.bits == 32 and found.version[:2] > LAST_OF_TFLITE:
        return [
            fail(
                "python",
                f"{text}: no TFLite runtime is made for 32 bits beyond Python 3.11",
                "install a 64-bit system (Raspberry Pi OS 64-bit), or one with Python 3.11",
            )
        ]
    return [ok("python", text)]


def packages(found: PythonBuild) -> Iterator[Finding]:
    """Whether each package is there, made for this Python, and loads."""
    runtimes = [name for name in RUNTIMES if _distribution(name) is not None]
    opencvs = [name for name in OPENCVS if _distribution(name) is not None]
    for name, module in PACKAGES:
        here = opencvs[0] if module == "cv2" and opencvs else name
        yield _package(here, module, found)
    yield from one_opencv({name: _version(name) or "" for name in opencvs})
    for name in runtimes:
        wrong = wrong_wheel(_wheel_tags(name), found)
        if wrong:
            yield fail(name, wrong, _reinstall(name))
    yield from numpy_for(runtimes, _version("numpy"))


def one_opencv(versions: Mapping[str, str]) -> list[Finding]:
    """Whether one package alone owns `cv2`, or several that were made of one OpenCV.

    Args:
        versions: the version of each that is installed, by its name.
    """
    if len(set(versions.values())) < 2:
        return []
    names = [f"{name} {version}" for name, version in versions.items()]
    unwanted = [name for name in versions if name != OPENCVS[0]]
    remedy = (
        f"{sys.executable} -m pip uninstall {' '.join(unwanted)}, and then "
        f"{sys.executable} -m pip install --force-reinstall {OPENCVS[0]}"
    )
    return [warn("one opencv", f"{' and '.join(names)} lie over each other", remedy)]


def numpy_for(runtimes: list[str], numpy: str | None) -> list[Finding]:
    """Whether numpy suits the runtime: tflite-runtime imports with numpy 2, and then fails.

    Args:
        runtimes: the distributions that are installed.
        numpy: its version.
    """
    if numpy is None or "tflite-runtime" not in runtimes:
        return []
    text = f"numpy {numpy} with tflite-runtime {_version('tflite-runtime') or ''}".rstrip()
    if int(numpy.split(".")[0]) < 2:
        return [ok("numpy and runtime", text)]
    if "ai-edge-litert" in runtimes and os.environ.get("EDGEWARD_RUNTIME") != "tflite-runtime":
        return [
            warn(
                "numpy and runtime",
                f"{text} cannot work; ai-edge-litert is used",
                f"{sys.executable} -m pip uninstall tflite-runtime",
            )
        ]
    remedy = f"{sys.executable} -m pip install 'numpy<2'"
    return [fail("numpy and runtime", f"{text}: imports, and fails at the first model", remedy)]


def runtime() -> list[Finding]:
    """Which TFLite runtime is used; whether it truly runs is for a bundle to prove."""
    try:
        from edge_agent.inference.runtime import runtime_name

        return [ok("runtime", runtime_name())]
    except RuntimeUnavailableError as error:
        remedy = "pip install ai-edge-litert; on 32 bits: 'tflite-runtime>=2.14' 'numpy<2'"
        return [fail("runtime", one_line(error), remedy)]
    except ImportError as error:
        return [skip("runtime", f"cannot be told: {one_line(error)}")]


def wrong_wheel(tags: list[str], found: PythonBuild) -> str:
    """Why a package of these wheel tags is not for this Python; "" if it is.

    Args:
        tags: as in its WHEEL file: `cp311-cp311-manylinux_2_17_aarch64`; none if it did not
            come as a wheel.
        found: this Python.
    """
    if not tags or any(_suits(tag, found) for tag in tags):
        return ""
    return f"expected a wheel for {found.tag}, {found.bits}-bit, found {', '.join(tags)}"


def _suits(tag: str, found: PythonBuild) -> bool:
    parts = [part.split(".") for part in tag.split("-", 2)]
    if len(parts) != 3:
        return False
    pythons, abis, platforms = parts
    if not any(_suits_python(python, abis, found) for python in pythons):
        return False
    # A wheel without machine code says `any`.
    return any(name == "any" or name.endswith(_machines(found)) for name in platforms)


def _machines(found: PythonBuild) -> tuple[str, ...]:
    # A 32-bit Python under a 64-bit kernel calls the machine aarch64.
    if found.bits == 32 and found.machine.startswith(("arm", "aarch")):
        return ARM_32
    return MACHINES.get(found.machine.lower(), (found.machine,))


def _suits_python(python: str, abis: list[str], found: PythonBuild) -> bool:
    if python in ("py3", found.tag):
        return True
    stable = "abi3" in abis and python.startswith("cp3") and python[3:].isdecimal()
    return stable and int(python[3:]) <= found.version[1]


def _package(name: str, module: str, found: PythonBuild) -> Finding:
    wrong = wrong_wheel(_wheel_tags(name), found)
    if wrong:
        return fail(name, wrong, _reinstall(name))
    try:
        loaded = importlib.import_module(module)
    # A library of the system that is missing, or one for another processor, is an ImportError;
    # what else a package may do while it loads is for nobody to know.
    except Exception as error:
        return fail(name, f"does not load: {one_line(error)}", _reinstall(name))
    version = _version(name) or getattr(loaded, "__version__", "of unknown version")
    return ok(name, f"{version}{'' if _version(name) else ', from the system'}")


def _reinstall(name: str) -> str:
    return f"{sys.executable} -m pip install --force-reinstall {name}; or run the installer again"


def _distribution(name: str) -> importlib.metadata.Distribution | None:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _version(name: str) -> str | None:
    found = _distribution(name)
    return None if found is None else found.version


def _wheel_tags(name: str) -> list[str]:
    found = _distribution(name)
    text = None if found is None else found.read_text("WHEEL")
    pairs = (line.partition(":") for line in (text or "").splitlines())
    return [value.strip() for key, _, value in pairs if key == "Tag"]
