"""Commands of Home Assistant's WebSocket API: one JSON object a line in, one answer a line out.

    python ask.py FOLDER HTTP_PORT

Runs with Home Assistant's own Python, which has aiohttp. `{"get": PATH}` asks its HTTP API instead
and is answered with the status and how long the body is.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp


async def ask(http: aiohttp.ClientSession, place: str, token: str, command: Any) -> Any:
    """What Home Assistant answers; an error is an object with `error`."""
    if "get" in command:
        head = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{place}{command['get']}", headers=head) as answer:
            return {"status": answer.status, "bytes": len(await answer.read())}
    async with http.ws_connect(f"{place}/api/websocket", max_msg_size=0) as socket:
        await socket.receive_json()
        await socket.send_json({"type": "auth", "access_token": token})
        await socket.receive_json()
        await socket.send_json({"id": 1, **command})
        while True:
            answer = await socket.receive_json()
            if answer.get("id") == 1 and answer["type"] == "result":
                return answer["result"] if answer["success"] else {"error": answer["error"]}


async def main(folder: Path, port: int) -> None:
    token, place = (folder / "token").read_text(), f"http://127.0.0.1:{port}"
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as http:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            try:
                answer = await ask(http, place, token, json.loads(line))
            except (aiohttp.ClientError, OSError, TypeError) as error:
                answer = {"error": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
