"""Our networks answer as the originals of torchvision and timm do.

What the originals answered is kept in `tests/data`: with weights and a picture made by formulas,
which needs no file of theirs, and with trained weights where `EDGEWARD_DATA` has them.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.formula import picture, tensor
from torch import nn

from edge_agent.bundle.manifest import InputSpec
from pipeline.models import ModelSpec, build
from pipeline.models.names import external_names
from pipeline.weights.load import load_weights

DATA = Path(__file__).parents[1] / "data"
BY_FORMULA: list[dict[str, Any]] = json.loads((DATA / "original_outputs.json").read_text())
TRAINED: dict[str, dict[str, Any]] = json.loads((DATA / "original_logits.json").read_text())


def spec_of(arch: str, side: int) -> ModelSpec:
    """The network for its 1000 classes."""
    spec = InputSpec(height=side, width=side, colour="rgb", mean=(0.0,) * 3, std=(1.0,) * 3)
    return ModelSpec(arch=arch, classes=1000, input=spec)


def answer(module: nn.Module, side: int) -> torch.Tensor:
    """For the picture; of feature maps their average."""
    with torch.no_grad():
        y: torch.Tensor = module.eval()(torch.from_numpy(picture(side)))
    return y.mean((2, 3))[0] if y.ndim == 4 else y[0]


@pytest.mark.parametrize("kept", BY_FORMULA, ids=lambda kept: f"{kept['arch']}-{kept['library']}")
def test_a_network_computes_what_the_original_does(kept: dict[str, Any]) -> None:
    """To a ten-thousandth of the largest output: strides, paddings, order and activations.

    Where the classifier is another one, it is what comes before it that is compared.
    """
    library = kept["library"].split()[0]
    (names,) = (n.theirs for n in external_names(kept["arch"]) if n.library == library)
    module = build(spec_of(kept["arch"], kept["side"]))
    assert isinstance(module, nn.Sequential)
    state = module.state_dict()
    for ours, theirs in names.items():
        state[ours].copy_(torch.from_numpy(tensor(theirs, tuple(state[ours].shape))))
    whole = len(names) == sum(not name.endswith("num_batches_tracked") for name in state)
    found = answer(module if whole else module[:-1], kept["side"])[: len(kept["outputs"])]
    np.testing.assert_allclose(found, kept["outputs"], rtol=0, atol=1e-4 * kept["scale"])
    assert abs(np.array(kept["outputs"])).max() > 0.05 * kept["scale"]


@pytest.mark.data
@pytest.mark.parametrize("arch", TRAINED)
def test_trained_weights_answer_as_in_the_original(arch: str) -> None:
    """All 1000 scores of a picture, to a ten-thousandth of the largest."""
    kept = TRAINED[arch]
    path = Path(os.environ.get("EDGEWARD_DATA", "nowhere"), "weights", kept["weights"])
    if not path.is_file():
        pytest.skip(f"needs weights/{path.name} under the folder that EDGEWARD_DATA names")
    spec = spec_of(arch, kept["side"])
    module = build(spec)
    assert load_weights(module, spec, path).head
    wanted = np.array(kept["logits"])
    found = answer(module, kept["side"]).numpy()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * abs(wanted).max())
    assert found.argmax() == wanted.argmax()
