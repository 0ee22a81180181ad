"""The schemas and the AsyncAPI document: up to date, whole, compatible with the last version."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.contract.commands import COMMANDS
from edge_agent.contract.schemas import ASYNCAPI_FILE, schemas

ROOT = Path(__file__).parents[4]
WRITTEN = ROOT / "docs" / "schemas"
# As they were in the last version: what is deployed speaks, and hears, these.
LAST = ROOT / "tests" / "data" / "schemas-0.1"


def read(folder: Path) -> dict[str, Any]:
    return {file.name: json.loads(file.read_text()) for file in folder.glob("*.json")}


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why `new` does not accept all that `old` accepted, or promises less; nothing if it does.

    Of the keywords that msgspec writes. A property that is new may be there, as long as
    nobody must know it: subscribers ignore what they do not know.
    """
    return list(_breaks(old, new, old, new, "$"))


def _resolve(node: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        node = document["$defs"][name]
    return node


def _variants(node: dict[str, Any], document: dict[str, Any]) -> list[dict[str, Any]]:
    return [_resolve(part, document) for part in node.get("anyOf", [node])]


def _kind(node: dict[str, Any]) -> tuple[str, str]:
    """What tells one variant from another: its type, and of a tagged object its tag."""
    tag = node.get("properties", {}).get("kind", {}).get("enum", [""])[0]
    return str(node.get("type", "")), str(tag)


def _breaks(
    old: dict[str, Any], new: dict[str, Any], olds: Any, news: Any, at: str
) -> Iterator[str]:
    after = {_kind(part): part for part in _variants(_resolve(new, news), news)}
    for before in _variants(_resolve(old, olds), olds):
        found = after.get(_kind(before))
        if found is None:
            yield f"{at}: no longer accepts {_kind(before)}"
        else:
            yield from _narrower(before, found, olds, news, at)


def _narrower(
    old: dict[str, Any], new: dict[str, Any], olds: Any, news: Any, at: str
) -> Iterator[str]:
    if "enum" in new and not set(old.get("enum", [None])) <= set(new["enum"]):
        yield f"{at}: accepts fewer values"
    for keyword, sign in (("minimum", 1), ("maximum", -1), ("minLength", 1), ("maxLength", -1)):
        if keyword in new and (keyword not in old or sign * new[keyword] > sign * old[keyword]):
            yield f"{at}: {keyword} is stricter"
    required, wanted = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(wanted - required):
        yield f"{at}.{name}: is required now"
    for name in sorted(required - wanted):
        yield f"{at}.{name}: is no longer promised"
    if new.get("additionalProperties", True) is False and old.get("additionalProperties", True):
        yield f"{at}: unknown fields are refused now"
    for name, part in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _breaks(part, new["properties"][name], olds, news, f"{at}.{name}")
        else:
            yield f"{at}.{name}: is gone"
    items = [("items", old.get("items"), new.get("items"))]
    items += [
        (f"[{i}]", *pair)
        for i, pair in enumerate(
            zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
        )
    ]
    for place, before, after in items:
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _breaks(before, after, olds, news, f"{at}.{place}")


def test_what_is_in_docs_is_what_the_code_says() -> None:
    """`edgeward-agent schemas --out docs/schemas` has been run since the last change."""
    assert read(WRITTEN) == schemas()


@pytest.mark.parametrize("name", sorted(file.name for file in LAST.glob("*.json")))
def test_every_message_of_the_last_version_is_still_one(name: str) -> None:
    """Nothing that was accepted is refused, nothing that was promised is missing."""
    now = schemas()
    assert name in now, "a message of the last version is no longer known"
    assert breaks(read(LAST)[name], now[name]) == []


def changed(change: str) -> dict[str, Any]:
    """The last version's result schema, changed in a way that breaks somebody."""
    document: dict[str, Any] = copy.deepcopy(read(LAST)["result-1.schema.json"])
    defs = document["$defs"]
    result, label = defs["ResultMessage"], defs["LabelScore"]
    match change:
        case "a field is gone":
            del result["properties"]["latency_ms"]
        case "a field is no longer promised":
            result["required"].remove("boot")
        case "a new field is required":
            result["properties"]["mood"] = {"type": "string"}
            result["required"].append("mood")
        case "another type":
            result["properties"]["seq"] = {"type": "string"}
        case "a tighter bound":
            label["properties"]["confidence"]["minimum"] = 0.5
        case "an answer less":
            result["properties"]["result"]["anyOf"].pop()
        case "fewer values":
            defs["Reading"]["properties"]["state"]["enum"].remove("held")
        case "unknown fields refused":
            result["additionalProperties"] = False
        case "deep inside":
            defs["CharacterScore"]["required"].remove("character")
    return document


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("a field is gone", ["$.latency_ms: is gone"]),
        ("a field is no longer promised", ["$.boot: is no longer promised"]),
        ("a new field is required", ["$.mood: is required now"]),
        ("another type", ["$.seq: no longer accepts ('integer', '')"]),
        ("a tighter bound", ["$.result.top.items.confidence: minimum is stricter"]),
        ("fewer values", ["$.result.state: accepts fewer values"]),
        ("unknown fields refused", ["$: unknown fields are refused now"]),
    ],
)
def test_a_breaking_change_is_found(change: str, expected: list[str]) -> None:
    """Must fire, for each kind of change."""
    old = read(LAST)["result-1.schema.json"]
    assert breaks(old, changed(change)) == expected


@pytest.mark.parametrize("change", ["an answer less", "deep inside"])
def test_a_breaking_change_far_inside_is_found(change: str) -> None:
    """Must fire: through references, unions and arrays."""
    old = read(LAST)["result-1.schema.json"]
    assert breaks(old, changed(change))


def test_a_new_optional_field_breaks_nobody() -> None:
    """Must not fire: subscribers ignore what they do not know."""
    old = read(LAST)["result-1.schema.json"]
    new = copy.deepcopy(old)
    new["$defs"]["ResultMessage"]["properties"]["mood"] = {"type": "string", "default": ""}
    assert breaks(old, new) == []
    assert breaks(old, old) == []


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(document: object, pointer: str) -> object:
    for part in pointer.removeprefix("#/").split("/"):
        assert isinstance(document, dict), pointer
        document = document[part]
    return document


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    """Inside the document, and to the schemas' files beside it."""
    made = schemas()
    document = made[ASYNCAPI_FILE]
    found = list(references(document))
    assert len(found) > 20
    for reference in found:
        if reference.startswith("#/"):
            assert resolve(document, reference)
        else:
            assert reference.removeprefix("./") in made


def test_the_asyncapi_document_has_all_that_the_specification_asks_for() -> None:
    """AsyncAPI 3.0: version, info, channels with addresses, operations with an action each."""
    document = schemas()[ASYNCAPI_FILE]
    assert document["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(document["info"])
    for channel in document["channels"].values():
        names = {part.strip("{}") for part in channel["address"].split("/") if "{" in part}
        assert names == set(channel["parameters"])
        assert channel["messages"]
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]


def test_the_asyncapi_document_names_every_message_and_command() -> None:
    """Each schema is the payload of a message, and each verb can be heard and answered."""
    made = schemas()
    document = made[ASYNCAPI_FILE]
    named = {reference for reference in references(document) if not reference.startswith("#")}
    assert named == {f"./{name}" for name in made if name != ASYNCAPI_FILE}
    for verb in COMMANDS:
        operation = document["operations"][f"hear-{verb}"]
        assert operation["action"] == "receive"
        assert operation["reply"]["channel"] == {"$ref": "#/channels/reply"}
    assert document["operations"]["say-status"]["bindings"]["mqtt"]["retain"] is True
    assert document["operations"]["say-result"]["bindings"]["mqtt"]["retain"] is False
