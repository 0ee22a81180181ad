"""Models whose hashes would be right and whose content is not: none ends the process."""

import os
import random
import sys
from functools import cache

import pytest
from support.bright import DATA
from support.hostile import ALL, SEED, draw, numbers
from support.hostile_models import ModelProcess, bytes_hurt, fields_hurt
from support.onnx_nets import converted, in_float
from support.operator_cases import CASES
from support.other_runtime import VARIABLE

COUNT = 20_000  # for each runtime
FILES = ("bright.tflite", "scores_and_best.tflite", "stripes.tflite")
# Of all networks the share takes so many, others for another seed.
FEW = 8


@cache
def good_models() -> tuple[bytes, ...]:
    """Sound files with every operator that this project writes, in int8 and in float."""
    cases = CASES if ALL else random.Random(SEED).sample(list(CASES), FEW)
    made = [bytes_of for case in cases for bytes_of in _both(case.name)]
    return (*((DATA / name).read_bytes() for name in FILES), *made)


def _both(name: str) -> tuple[bytes, bytes]:
    case = next(case for case in CASES if case.name == name)
    return converted(case.model()).tflite, in_float(case.model()).tflite


def python_of(runtime: str) -> str:
    if runtime == "LiteRT":
        return sys.executable
    if VARIABLE not in os.environ:
        pytest.skip(f"{VARIABLE} names no Python that has tflite-runtime")
    return os.environ[VARIABLE]


@pytest.mark.parametrize("runtime", ["LiteRT", "tflite-runtime"])
def test_a_mutated_model_is_refused_or_does_not_end_the_process(runtime: str) -> None:
    """Loaded and run twice as the agent does: refused by us or by the runtime, or it ran."""
    models = good_models()
    outcomes = dict.fromkeys(("refused", "runtime", "ran"), 0)
    with ModelProcess(python_of(runtime)) as process:
        for model in models:  # must not fire
            assert process.ask(model) == "ran"
        for number in numbers(COUNT):
            rng = draw("model", number)
            good = rng.choice(models)
            bad = fields_hurt(good, rng) if rng.random() < 0.6 else bytes_hurt(good, rng)
            if bad is None:
                continue
            said = process.ask(bad)
            outcome = said.partition(" ")[0]
            # The seed and the number say which; the file itself is not handed around.
            assert outcome in outcomes, f"model, EDGEWARD_FUZZ_SEED={SEED}, input {number}: {said}"
            outcomes[outcome] += 1
    print(runtime, outcomes)  # noqa: T201  # shown by `make fuzz`
    assert all(outcomes.values()), outcomes
