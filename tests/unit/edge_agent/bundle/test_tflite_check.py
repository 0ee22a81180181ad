"""A model before a runtime sees it: what is sound passes, all else is refused by name."""

import inspect
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.bright import DATA

from edge_agent.bundle.tflite.check import check_model, read_calls
from edge_agent.bundle.tflite.schema import OPERATORS, TABLES, TYPES, UNIONS
from edge_agent.bundle.tflite.shapes import RULES
from edge_agent.common.errors import BundleError

BRIGHT = (DATA / "bright.tflite").read_bytes()
FILES = ("bright.tflite", "scores_and_best.tflite", "stripes.tflite")


def schema() -> Any:
    return pytest.importorskip("ai_edge_litert.schema_py_generated")


def edited(edit: Callable[[Any], None], name: str = "bright.tflite") -> bytes:
    """A file with fields of its document set anew."""
    document = schema().ModelT.InitFromPackedBuf((DATA / name).read_bytes(), 0)
    edit(document)
    return packed(document)


def packed(document: Any) -> bytes:
    flatbuffers = pytest.importorskip("flatbuffers")
    builder = flatbuffers.Builder(1024)
    builder.Finish(document.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def put(path: str, value: Any) -> Callable[[Any], None]:
    """Sets `subgraphs[0].tensors[1].shape` and the like, or one value of an array."""
    parts: list[Any] = [int(p) if p.isdigit() else p for p in re.findall(r"\w+", path)]

    def edit(document: Any) -> None:
        *above, name = parts if isinstance(parts[-1], str) else parts[:-1]
        node = document
        for part in above:
            node = node[part] if isinstance(part, int) else getattr(node, part)
        new = value
        if isinstance(parts[-1], int):
            new = np.array(getattr(node, name))
            new[parts[-1]] = value
        setattr(node, name, new)

    return edit


def refusal(model: bytes) -> str:
    with pytest.raises(BundleError) as caught:
        check_model(model, "m")
    place, _, reason = str(caught.value).partition(": ")
    assert place == "m"
    return reason


@pytest.mark.parametrize("name", FILES)
def test_a_sound_file_passes(name: str) -> None:
    """Must not fire: what this project writes; its operators are read in their order."""
    calls = read_calls((DATA / name).read_bytes(), "m")
    assert calls
    assert all(operator in RULES for operator, _ in calls)


@pytest.mark.data
@pytest.mark.skipif("EDGEWARD_DATA" not in os.environ, reason="EDGEWARD_DATA names no data")
def test_files_of_other_converters_pass_and_one_of_a_custom_operator_does_not() -> None:
    """Must not fire on any that people publish, int8, uint8 or float."""
    files = sorted(Path(os.environ["EDGEWARD_DATA"]).rglob("*.tflite"))
    assert len(files) > 5
    for file in files:
        if file.name == "invalid_model.tflite":
            expected = "operator 0: expected a builtin operator, found the custom operator "
            assert refusal(file.read_bytes()) == f"{expected}'fake-op-double'"
        else:
            check_model(file.read_bytes(), str(file))


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_anywhere_is_refused(name: str) -> None:
    """At each of its bytes, but for padding at the very end that nothing refers to."""
    model = (DATA / name).read_bytes()
    for length in range(len(model) - 3):
        refusal(model[:length])


G = "subgraphs[0]"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (put("version", 2), "expected version 3, found 2"),
        (put("subgraphs", []), "expected one graph, found 0"),
        (put(f"{G}.inputs[0]", 99), "inputs: expected a tensor of 0 to "),
        (put(f"{G}.outputs[0]", -1), "outputs: expected a tensor of 0 to "),
        (put(f"{G}.tensors[0].shape[1]", 0), "tensor 0 'input': expected sides of 1 or more"),
        (put(f"{G}.tensors[0].shape[1]", 2**30), "expected values of at most 268435456 bytes"),
        (put(f"{G}.tensors[0].type", 5), "tensor 0 'input': expected a type of 0, 1, 2, 3, 4, 6"),
        (put(f"{G}.tensors[0].buffer", 99), "tensor 0 'input': expected a buffer of 0 to "),
        (put(f"{G}.tensors[0].isVariable", True), "tensor 0 'input': expected a plain tensor"),
        (put(f"{G}.tensors[0].quantization", None), "expected a scale for int8 'input', found 0"),
        (
            put(f"{G}.tensors[0].quantization.scale[0]", np.nan),
            "tensor 0 'input': expected scales of 1e-15 to 1e+17, found [nan]",
        ),
        (
            put(f"{G}.tensors[0].quantization.scale[0]", 1e-44),
            "tensor 0 'input': expected scales of 1e-15 to 1e+17, found [1.e-44]",
        ),
        (
            put(f"{G}.tensors[0].quantization.zeroPoint[0]", 128),
            "tensor 0 'input': expected zero points of -128 to 127, found [128]",
        ),
        (
            put(f"{G}.tensors[0].quantization.scale", [0.1, 0.2]),
            "tensor 0 'input': expected 1 or 1 scales, found 2",
        ),
        (put(f"{G}.operators[0].opcodeIndex", 9), "operator 0: expected an operator code of 0 to "),
        (put(f"{G}.operators[0].inputs[0]", 99), "operator 0: "),
        (put(f"{G}.operators[0].outputs", []), "operator 0: "),
        (
            put(f"{G}.operators[0].builtinOptionsType", 0),
            "Model.subgraphs[0].operators[0].builtin_options: expected a table of a number",
        ),
        (
            put("operatorCodes[0].version", 0),
            "operator 0: expected a version of 1 or more, found 0",
        ),
    ],
)
def test_what_is_wrong_in_one_field_is_named(edit: Callable[[Any], None], expected: str) -> None:
    """The file, the place in it, what was expected and what was found."""
    assert expected in refusal(edited(edit))


def test_an_operator_that_nobody_knows_is_refused() -> None:
    """Codes of state, of other graphs and of later schemas: no rule here says what they do."""

    def loop(document: Any) -> None:
        document.operatorCodes[0].builtinCode = 119
        document.operatorCodes[0].deprecatedBuiltinCode = 119

    expected = "operator 0: expected an operator that is known, found number 119"
    assert refusal(edited(loop)) == expected


def test_a_value_may_not_be_read_before_it_is_written() -> None:
    """An operator reads what the graph was given, what the file holds, or what came before it."""

    def swap(document: Any) -> None:
        first = document.subgraphs[0].operators[0]
        first.inputs = [first.outputs[0], *first.inputs[1:]]

    assert "expected what was written before, found tensor " in refusal(edited(swap))


def test_a_constant_of_another_size_than_its_shape_is_refused() -> None:
    """A constant has as many bytes as its shape and its type say."""

    def shorten(document: Any) -> None:
        (buffer, *_) = [b for b in document.buffers if b.data is not None and len(b.data) > 4]
        buffer.data = buffer.data[:-1]

    assert re.search(
        r"^tensor \d+ .*: expected \d+ bytes for .*, found \d+$", refusal(edited(shorten))
    )


def test_constants_behind_the_tables_are_read_and_looked_at() -> None:
    """Must not fire on the form that LiteRT's converter writes; must fire beyond the file's end."""

    def moved(size: int, tail: int) -> bytes:
        document = schema().ModelT.InitFromPackedBuf(BRIGHT, 0)
        (buffer, *_) = [b for b in document.buffers if b.data is not None and len(b.data) > 4]
        data = bytes(buffer.data)
        buffer.data, buffer.offset, buffer.size = None, 1 << 20, len(data) + size
        length = len(packed(document))
        buffer.offset = length
        return packed(document) + data[: len(data) + tail]

    check_model(moved(0, 0), "m")
    assert re.search(r"^buffer \d+: expected its bytes within the file", refusal(moved(0, -1)))
    assert "bytes for int" in refusal(moved(-1, 0))


def test_a_name_must_be_text() -> None:
    """The runtimes' Python side ends in an error of its own over a name that is none."""
    assert refusal(BRIGHT.replace(b"input", b"in\xffut")).endswith(
        "expected UTF-8, found b'in\\xffut'"
    )


def kinds(table: str) -> list[str]:
    """The fields of a table as LiteRT's own schema writes them: how wide, or `*` for an offset."""
    module = schema()
    widths = {"Bool": 1, "Int8": 1, "Uint8": 1, "Int16": 2, "Int32": 4, "Uint32": 4}
    widths |= {"Float32": 4, "Int64": 8, "Uint64": 8}
    found = {}
    for name, function in vars(module).items():
        if re.fullmatch(rf"{table}Add[A-Z]\w*", name):
            slot = re.search(r"Prepend(\w+?)(?:Relative)?Slot\((\d+)", inspect.getsource(function))
            assert slot is not None
            found[int(slot[2])] = str(widths.get(slot[1], "*"))
    return [found.get(number, "deprecated") for number in range(max(found, default=-1) + 1)]


def test_the_tables_are_those_of_the_schema() -> None:
    """Field by field in their order and width, as far as ours go: newer ones are refused."""
    for table, fields in TABLES.items():
        if table in ("Unsupported", "SignatureDef"):  # the one is ours; the other has a gap
            continue
        ours = ["*" if f.kind[0] in "[sAQUBS" else f.kind[1] for f in fields]
        known = kinds(table)
        assert len(known) >= len(ours), table
        assert all(a in (b, "deprecated") for a, b in zip(known, ours, strict=False)), table


def test_the_numbers_are_those_of_the_schema() -> None:
    """Operators, their options and types by the names that LiteRT gives them."""
    module = schema()
    for code, signature in OPERATORS.items():
        assert getattr(module.BuiltinOperator, signature.name) == code
    for code, name in UNIONS["BuiltinOptions"].items():
        assert getattr(module.BuiltinOptions, name) == code
    for code, (name, _) in TYPES.items():
        assert getattr(module.TensorType, name.upper()) == code
    assert {signature.name for signature in OPERATORS.values()} == set(RULES)
    assert {signature.options for signature in OPERATORS.values()} - {""} <= set(TABLES)
