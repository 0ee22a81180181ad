"""Where weights lie on this machine: our own folder, and the caches of other programs."""

import os
from pathlib import Path

import platformdirs

from pipeline.data.root import home_expanded

# The folder of our own.
VARIABLE = "EDGEWARD_WEIGHTS"
# Any of them forbids to ask a network; the second is Hugging Face's.
OFFLINE = ("EDGEWARD_OFFLINE", "HF_HUB_OFFLINE")
_YES = ("1", "on", "yes", "true")


def own_cache() -> Path:
    """Where fetched and imported weights are kept; `EDGEWARD_WEIGHTS` names another place."""
    named = os.environ.get(VARIABLE)
    return _path(named) if named else platformdirs.user_cache_path("edgeward") / "weights"


def torch_cache() -> Path:
    """Where torch.hub, and by it torchvision and timm, keeps files of weights."""
    named = os.environ.get("TORCH_HOME")
    return (_path(named) if named else _caches() / "torch") / "hub" / "checkpoints"


def hub_cache() -> Path:
    """Where huggingface_hub keeps repositories."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(variable):
            return _path(named)
    named = os.environ.get("HF_HOME")
    return (_path(named) if named else _caches() / "huggingface") / "hub"


def offline() -> str | None:
    """The variable of the environment that forbids to ask a network; None if none does."""
    return next((name for name in OFFLINE if os.environ.get(name, "").lower() in _YES), None)


def _caches() -> Path:
    return _path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")


def _path(text: str) -> Path:
    return home_expanded(Path(text))
