"""The manifest of a bundle that reads text: what it says, and what is refused."""

import json
from typing import Any

import pytest
from support.bright import bright_manifest
from support.stripes import CHARSET, stripes_manifest, text_spec

from edge_agent.bundle.manifest import decode_manifest, encode_manifest
from edge_agent.common.errors import BundleError, TaskError
from edge_agent.tasks.kinds import TASK_NAMES
from edge_agent.tasks.ocr.spec import TextSpec


def changed(output: dict[str, Any]) -> bytes:
    """The tiny text bundle's manifest with other fields in `output`."""
    fields = json.loads(encode_manifest(stripes_manifest()))
    fields["output"] |= output
    return json.dumps(fields).encode()


def test_a_text_manifest_comes_back_as_it_was() -> None:
    """Encoding and decoding lose nothing, and the tag tells the two tasks apart."""
    manifest = decode_manifest(encode_manifest(stripes_manifest()), "place")
    assert manifest == stripes_manifest()
    assert isinstance(manifest.output, TextSpec)
    assert not isinstance(decode_manifest(encode_manifest(bright_manifest()), "p").output, TextSpec)


def test_the_blank_is_the_last_output() -> None:
    """Training and decoding must agree on it: the network has one output more than characters."""
    assert text_spec().blank == len(CHARSET)
    assert text_spec().outputs == len(CHARSET) + 1
    assert text_spec().shape == (1, 16, len(CHARSET) + 1)


def test_the_output_of_a_text_manifest_looks_as_documented() -> None:
    """Whoever writes bundles by other means depends on these names."""
    assert json.loads(encode_manifest(stripes_manifest()))["output"] == {
        "task": "ocr",
        "charset": ["0", "1", "2", "3", "."],
        "steps": 16,
        "temperature": 1.0,
        "min_confidence": 0.9,
        "promise": {"error": 0.001, "coverage": 0.92, "samples": 1000},
        "collapse": "ctc",
    }


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"charset": []}, "Expected `array` of length >= 1 - at `$.output.charset`"),
        (
            {"charset": ["a", "a"]},
            "charset: expected distinct characters, found a repeated one - at `$.output`",
        ),
        ({"charset": ["ab"]}, "Expected `str` matching regex"),
        ({"charset": ["\n"]}, "Expected `str` matching regex"),
        ({"steps": 0}, "Expected `int` >= 1 - at `$.output.steps`"),
        ({"temperature": 0}, "Expected `float` >= 0.001 - at `$.output.temperature`"),
        ({"min_confidence": 2}, "Expected `float` <= 1.0 - at `$.output.min_confidence`"),
        ({"collapse": "argmax"}, "Invalid enum value 'argmax' - at `$.output.collapse`"),
        (
            {"promise": {"error": 0.1, "coverage": 0.5, "samples": 0}},
            "Expected `int` >= 1 - at `$.output.promise.samples`",
        ),
        ({"labels": ["a", "b"]}, "Object contains unknown field `labels` - at `$.output`"),
    ],
)
def test_a_text_output_that_no_network_can_mean_is_refused(
    output: dict[str, Any], message: str
) -> None:
    """The file, what was expected, and the path of the field."""
    with pytest.raises(BundleError) as caught:
        decode_manifest(changed(output), "m.json")
    assert str(caught.value).startswith(f"m.json: {message}")


def test_a_third_task_is_refused_by_name() -> None:
    """Both tasks that are known are said."""
    with pytest.raises(TaskError) as caught:
        decode_manifest(changed({"task": "detect"}), "m.json")
    assert str(caught.value) == (
        f"m.json: expected a bundle for the task {' or '.join(TASK_NAMES)}, found 'detect'"
    )
