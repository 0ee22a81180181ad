"""The manifest's values refuse what no network can mean."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.bright import bright_manifest

from edge_agent.bundle.manifest import decode_manifest, encode_manifest
from edge_agent.common.errors import BundleError


def changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    """The tiny bundle's manifest, changed as JSON."""
    fields = json.loads(encode_manifest(bright_manifest()))
    change(fields)
    return json.dumps(fields).encode()


def test_a_manifest_comes_back_as_it_was() -> None:
    """Encoding and decoding lose nothing."""
    assert decode_manifest(encode_manifest(bright_manifest()), "place") == bright_manifest()


def test_the_json_is_canonical() -> None:
    """Its hash is the bundle's name: sorted keys, two spaces, one newline at the end."""
    encoded = encode_manifest(bright_manifest()).decode()
    assert encoded == json.dumps(json.loads(encoded), indent=2, sort_keys=True) + "\n"


@pytest.mark.parametrize(
    ("table", "key", "value", "message"),
    [
        ("input", "mean", [0.5], "mean: expected 3 values for rgb, found 1 - at `$.input`"),
        ("input", "std", [1, 1], "std: expected 3 values for rgb, found 2 - at `$.input`"),
        ("input", "height", 0, "Expected `int` >= 1 - at `$.input.height`"),
        (
            "output",
            "labels",
            ["a", "a"],
            "labels: expected distinct names, found a repeated one - at `$.output`",
        ),
        ("output", "labels", ["a"], "Expected `array` of length >= 2 - at `$.output.labels`"),
        ("output", "temperature", 0, "Expected `float` >= 0.001 - at `$.output.temperature`"),
        ("golden", "tolerance_quanta", 33, "Expected `int` <= 32 - at `$.golden.tolerance_quanta`"),
    ],
)
def test_a_value_out_of_range_is_named_with_its_place(
    table: str, key: str, value: object, message: str
) -> None:
    """The file, what was expected, and the path of the field."""
    data = changed(lambda fields: fields[table].update({key: value}))
    with pytest.raises(BundleError) as caught:
        decode_manifest(data, "door.edgeward/manifest.json")
    assert str(caught.value) == f"door.edgeward/manifest.json: {message}"


@pytest.mark.parametrize("std", [0, -1])
def test_a_std_that_divides_by_nothing_is_refused(std: float) -> None:
    """Zero would make every pixel infinite, a negative one turn the picture inside out."""
    data = changed(lambda fields: fields["input"].update({"std": [1, 1, std]}))
    with pytest.raises(BundleError, match=r"std: expected values above 0.*at `\$\.input`$"):
        decode_manifest(data, "place")


def test_a_bundle_is_verified_once_it_has_metrics() -> None:
    """A candidate has none."""
    assert not bright_manifest().verified
