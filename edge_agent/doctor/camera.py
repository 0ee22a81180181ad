"""Cameras: the device, who may read it, who has it, and whether a frame comes."""

import os
import stat
from pathlib import Path

from edge_agent.check import NETWORK_REMEDY, look
from edge_agent.common.errors import AgentError, ConfigError, one_line
from edge_agent.doctor.host import Host
from edge_agent.doctor.report import Finding, fail, ok, warn
from edge_agent.sources.config import CameraConfig, PicameraConfig, StillConfig
from edge_agent.stream.config import StreamConfig

VIDEO_REMEDY = (
    "sudo usermod -aG video $USER and log in again; under systemd: SupplementaryGroups=video"
)

PICAMERA_REMEDY = (
    "rpicam-hello --list-cameras names the cameras; none: look at the cable and at "
    "camera_auto_detect=1 in /boot/firmware/config.txt; in use: end the other program; no module "
    "picamera2: sudo apt install python3-picamera2, and an environment that sees system packages"
)


def source(stream: StreamConfig, host: Host) -> list[Finding]:
    """Whether the stream's source gives a frame, and for a camera's device, what is in the way."""
    check = f"source {stream.name}"
    config = stream.source
    if not isinstance(config, CameraConfig) or config.url is not None:
        # Picamera2 finds its camera itself, and says if somebody has it.
        return [_frame(check, stream, _remedy(config))]
    named = config.device or Path(f"/dev/video{config.index}")
    device = host.root / named.relative_to("/")
    found = _node(check, device) or _access(check, device)
    if found is not None:
        return [found]
    holder = holder_of(device, host)
    if holder is not None:
        return [
            warn(
                check,
                f"{device}: in use by {holder}, so no frame was taken",
                "if that is not the agent, end it; if it is, stop it to try: "
                "sudo systemctl stop edgeward-agent",
            )
        ]
    return [_frame(check, stream, _remedy(config))]


def _frame(check: str, stream: StreamConfig, remedy: str) -> Finding:
    try:
        return ok(check, look(stream))
    except ConfigError as error:
        return fail(check, one_line(error), "mend the regions in agent.toml: the frame is smaller")
    except AgentError as error:
        return fail(check, one_line(error), remedy)
    # A package that lacks what we ask of it: the round goes on, and this is what it found.
    except Exception as error:
        again = "the packages do not suit: install the agent again"
        return fail(check, f"{type(error).__name__}: {one_line(error)}", again)


def _remedy(config: object) -> str:
    if isinstance(config, PicameraConfig):
        return PICAMERA_REMEDY
    if isinstance(config, StillConfig):
        return NETWORK_REMEDY
    if not isinstance(config, CameraConfig):
        return "mend its path in agent.toml, or copy the files there"
    if config.url is not None:
        return NETWORK_REMEDY
    return "v4l2-ctl --list-devices names the cameras; those that only encode give no frames"


def _node(check: str, device: Path) -> Finding | None:
    """What is wrong with the device's file; None if nothing is."""
    try:
        mode = device.stat().st_mode
    except OSError:
        others = sorted(path.name for path in device.parent.glob("video*"))
        there = f"there are {', '.join(others)}" if others else "there is no camera"
        return fail(
            check,
            f"{device}: no such device; {there}",
            "plug it in and look at dmesg; a camera on the board's own connector needs "
            "camera_auto_detect=1 in /boot/firmware/config.txt",
        )
    if not stat.S_ISCHR(mode):
        return fail(check, f"{device}: expected a device, found another kind of file", "remove it")
    return None


def _access(check: str, device: Path) -> Finding | None:
    if os.access(device, os.R_OK | os.W_OK):
        return None
    return fail(check, f"{device}: this user may not read it", VIDEO_REMEDY)


def holder_of(device: Path, host: Host) -> str | None:
    """Which other process has `device` open, as `name (process 123)`; None if none is seen.

    Only root sees other users' processes.
    """
    names = {str(device), str(device.resolve())}
    for folder in sorted((host.root / "proc").glob("[0-9]*/fd")):
        number = folder.parent.name
        if number == str(os.getpid()):
            continue
        try:
            links = {str(entry.readlink()) for entry in folder.iterdir()}
        except OSError:
            continue
        if names & links:
            name = host.read(f"proc/{number}/comm") or "a program"
            return f"{name} (process {number})"
    return None
