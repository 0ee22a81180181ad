"""A fresh Home Assistant that needs no browser: its user, its token, its MQTT broker.

    python prepare.py FOLDER BROKER_PORT HTTP_PORT

Runs with Home Assistant's own Python, before its first start; the token goes to FOLDER/token.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from homeassistant import auth, core
from homeassistant.components.mqtt.config_flow import FlowHandler

CONFIGURATION = """
homeassistant:
  name: Test
  unit_system: metric
  time_zone: UTC
http:
  server_port: {port}
  server_host: 127.0.0.1
api:
websocket_api:
recorder:
  commit_interval: 1
history:
energy:
logger:
  default: info
  logs:
    homeassistant.components.mqtt.client: debug
"""


def store(folder: Path, key: str, version: tuple[int, int], data: object) -> None:
    """One of Home Assistant's own files, as its `Store` writes them."""
    document = {"version": version[0], "minor_version": version[1], "key": key, "data": data}
    (folder / ".storage" / key).write_text(json.dumps(document))


def entry(port: int) -> dict[str, object]:
    """The configuration entry of its MQTT integration."""
    now = datetime.now(UTC).isoformat()
    return {
        "created_at": now,
        "modified_at": now,
        "data": {"broker": "127.0.0.1", "port": port, "protocol": "5"},
        "options": {"discovery": True, "discovery_prefix": "homeassistant"},
        "disabled_by": None,
        "discovery_keys": {},
        "domain": "mqtt",
        "entry_id": "01JMQTT0000000000000000000",
        "pref_disable_new_entities": False,
        "pref_disable_polling": False,
        "source": "user",
        "subentries": [],
        "title": "mqtt",
        "unique_id": None,
        "version": FlowHandler.VERSION,
        "minor_version": FlowHandler.MINOR_VERSION,
    }


async def token(folder: Path) -> str:
    """A long-lived token of a user who may do anything."""
    home = core.HomeAssistant(str(folder))
    manager = await auth.auth_manager_from_config(home, [{"type": "homeassistant"}], [])
    user = await manager.async_create_user("tester", group_ids=["system-admin"])
    refresh = await manager.async_create_refresh_token(
        user,
        client_name="test",
        token_type="long_lived_access_token",
        access_token_expiration=timedelta(days=1),
    )
    made: str = manager.async_create_access_token(refresh)
    await manager._store._store.async_save(manager._store._data_to_save())
    await home.async_stop(force=True)
    return made


def main(folder: Path, broker: int, http: int) -> None:
    (folder / ".storage").mkdir(parents=True)
    (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=http))
    store(folder, "core.config_entries", (1, 5), {"entries": [entry(broker)]})
    done = ["user", "core_config", "analytics", "integration"]
    store(folder, "onboarding", (4, 1), {"done": done})
    (folder / "token").write_text(asyncio.run(token(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
