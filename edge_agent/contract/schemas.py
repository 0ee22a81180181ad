"""The JSON Schema of every message and command, and one AsyncAPI document of all of them."""

import json
from typing import Any, TypeAlias

import msgspec

from edge_agent import __version__
from edge_agent.contract.commands import COMMANDS, ReplyMessage
from edge_agent.contract.descriptions import with_clean_descriptions
from edge_agent.contract.messages import MESSAGES, StateMessage
from edge_agent.contract.topics import Topics

Json: TypeAlias = dict[str, Any]

ASYNCAPI_FILE = "asyncapi.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# What stands in a topic for a name, in AsyncAPI's way of writing it.
_TOPICS = Topics("{device}")
_PARAMETERS = {
    "device": {"description": "`device.name` of agent.toml."},
    "stream": {"description": "`name` of a stream in agent.toml."},
    "region": {"description": "`name` of a region of a stream with text."},
    "verb": {"description": "The verb of a command."},
}
# What the agent sends, but for pictures.
_SENT = (*MESSAGES, ReplyMessage)


def schemas() -> dict[str, Json]:
    """Every document, by file name: `result-1.schema.json` and so on, and `asyncapi.json`."""
    found = {f"{_stem(kind)}.schema.json": schema(kind) for kind in _kinds()}
    return {**found, ASYNCAPI_FILE: asyncapi()}


def schema(kind: type[msgspec.Struct]) -> Json:
    """The JSON Schema of one message or command."""
    # Through JSON: a default that is a tuple is an array there.
    made = with_clean_descriptions(json.loads(msgspec.json.encode(msgspec.json.schema(kind))))
    if kind in COMMANDS.values():
        # The verb in the topic says it too: whoever types a command may leave it out.
        own = made["$defs"][kind.__name__]
        own["required"] = [name for name in own["required"] if name != "schema"]
    return {"$schema": DIALECT, "title": _tag(kind), **made}


def asyncapi() -> Json:
    """What the agent sends and receives, as AsyncAPI 3.0; its payloads are the schemas' files."""
    channels = {_name(kind): _channel(kind.channel.address(_TOPICS), kind) for kind in _SENT}
    operations = {f"say-{_name(kind)}": _says(_name(kind), kind.channel.retained) for kind in _SENT}
    channels["region-state"] = _channel(_TOPICS.state("{stream}", "{region}"), StateMessage)
    operations["say-region-state"] = _says("region-state", True)
    channels["snapshot"] = _picture()
    operations["say-snapshot"] = _says("snapshot", True)
    for verb, kind in COMMANDS.items():
        channels[verb] = _channel(_TOPICS.command(verb), kind)
        operations[f"hear-{verb}"] = _hears(verb)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "edgeward-agent",
            "version": __version__,
            "description": "What a device says over MQTT, and what it can be told.",
        },
        "defaultContentType": "application/json",
        "servers": {"broker": {"host": "localhost:1883", "protocol": "mqtt"}},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {_stem(kind): _message(kind) for kind in _kinds()}
            | {"snapshot": {"name": "snapshot", "contentType": "image/jpeg"}}
        },
    }


def _kinds() -> tuple[type[msgspec.Struct], ...]:
    return (*_SENT, *COMMANDS.values())


def _tag(kind: type[msgspec.Struct]) -> str:
    return str(kind.__struct_config__.tag)  # "edgeward.result/1"


def _name(kind: type[msgspec.Struct]) -> str:
    return _stem(kind).rpartition("-")[0]  # "result"


def _stem(kind: type[msgspec.Struct]) -> str:
    return _tag(kind).removeprefix("edgeward.").replace("/", "-")


def _message(kind: type[msgspec.Struct]) -> Json:
    return {
        "name": _tag(kind),
        "title": _tag(kind),
        "summary": (kind.__doc__ or "").partition("\n")[0],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./{_stem(kind)}.schema.json"},
        },
    }


def _channel(topic: str, kind: type[msgspec.Struct]) -> Json:
    stem = _stem(kind)
    return {
        "address": topic,
        "messages": {stem: {"$ref": f"#/components/messages/{stem}"}},
        "parameters": _used(topic),
    }


def _picture() -> Json:
    topic = _TOPICS.snapshot("{stream}")
    return {
        "address": topic,
        "messages": {"snapshot": {"$ref": "#/components/messages/snapshot"}},
        "parameters": _used(topic),
    }


def _used(topic: str) -> Json:
    return {name: text for name, text in _PARAMETERS.items() if f"{{{name}}}" in topic}


def _says(channel: str, keeps: bool) -> Json:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "bindings": {"mqtt": {"qos": 1, "retain": keeps, "bindingVersion": "0.2.0"}},
    }


def _hears(verb: str) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{verb}"},
        "bindings": {"mqtt": {"qos": 1, "bindingVersion": "0.2.0"}},
        "reply": {
            "address": {
                "location": "$message.header#/responseTopic",
                "description": "The MQTT v5 response topic; without one, the reply channel.",
            },
            "channel": {"$ref": "#/channels/reply"},
        },
    }
