"""Whether a value is what a JSON Schema says: of the keywords that are in docs/schemas, no other.

Written from the specification (draft 2020-12) and not from msgspec, which wrote the schemas.
"""

import re
from typing import Any

KNOWN = {
    *("$schema", "$ref", "$defs", "title", "description", "default", "type", "enum", "anyOf"),
    *("properties", "required", "additionalProperties", "items", "prefixItems", "minItems"),
    *("maxItems", "minLength", "maxLength", "pattern", "minimum", "maximum", "format"),
    *("discriminator", "exclusiveMinimum", "exclusiveMaximum"),
}
# RFC 3339, of which JSON Schema's date-time is made.
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)")


def valid(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> bool:
    """Whether `value`, as `json.loads` gives it, is of `schema`, a part of `document`."""
    unknown = schema.keys() - KNOWN
    assert not unknown, f"keywords that this validator does not know: {unknown}"
    if "$ref" in schema:
        return valid(value, document["$defs"][schema["$ref"].rpartition("/")[2]], document)
    if "anyOf" in schema and not any(valid(value, part, document) for part in schema["anyOf"]):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "type" in schema and not _is(value, schema["type"]):
        return False
    match value:
        case dict():
            return _object(value, schema, document)
        case list():
            return _array(value, schema, document)
        case str():
            return _string(value, schema)
        case bool() | None:
            return True
        case _:
            return _number(value, schema)


def _is(value: Any, kind: str) -> bool:
    match kind:
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "integer":
            whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
            return whole and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
    raise AssertionError(f"a type that this validator does not know: {kind}")


def _object(value: dict[str, Any], schema: dict[str, Any], document: dict[str, Any]) -> bool:
    known = schema.get("properties", {})
    if not set(schema.get("required", ())) <= value.keys():
        return False
    if schema.get("additionalProperties", True) is False and not value.keys() <= known.keys():
        return False
    return all(valid(v, known[key], document) for key, v in value.items() if key in known)


def _array(value: list[Any], schema: dict[str, Any], document: dict[str, Any]) -> bool:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        return False
    first = schema.get("prefixItems", [])
    if not all(valid(v, part, document) for v, part in zip(value, first, strict=False)):
        return False
    rest, items = value[len(first) :], schema.get("items", True)
    if isinstance(items, bool):
        return items or not rest
    return all(valid(v, items, document) for v in rest)


def _string(value: str, schema: dict[str, Any]) -> bool:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        return False
    if schema.get("format") == "date-time" and not MOMENT.fullmatch(value):
        return False
    return "pattern" not in schema or re.search(schema["pattern"], value) is not None


def _number(value: float, schema: dict[str, Any]) -> bool:
    return (
        value >= schema.get("minimum", value)
        and value <= schema.get("maximum", value)
        and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
        and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
    )
