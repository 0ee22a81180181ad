"""`HomeAssistantConfig`: the `[home_assistant]` table of agent.toml."""

from typing import Annotated, TypeAlias

import msgspec

from edge_agent.common.strict import Strict

HomeTopic: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00-\x1f]{1,64}$(?!\n)")]


class HomeAssistantConfig(Strict, frozen=True):
    """How the device appears in Home Assistant by itself.

    Args:
        enabled: whether it does; switched off, it disappears there.
        prefix: Home Assistant's own discovery prefix.
        birth_topic, birth_payload: what it says when it has started, as set there.
    """

    enabled: bool = True
    prefix: HomeTopic = "homeassistant"
    birth_topic: HomeTopic = "homeassistant/status"
    birth_payload: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] = "online"
