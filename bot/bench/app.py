"""The whole product in a process, as `runrate serve` runs it."""

import asyncio
import socket
import time
from typing import Any

from pydantic import SecretStr

from bot import garbage, logs
from bot.app import Runrate
from bot.bench import child
from bot.settings import Settings


async def serve(told: dict[str, Any]) -> None:
    """Run until told to end."""
    port = _free_port()
    settings = Settings(
        _env_file=None,
        database_url=told["database_url"],
        slack_api_url=told["slack_url"],
        port=port,
        secret_keys=(SecretStr(told["key"]),),
        slack_signing_secret=SecretStr(told.get("signing_secret", "")),
    )
    runrate, began_at = Runrate(settings), time.monotonic()
    await runrate.start()
    garbage.leave_what_stays()
    child.say(url=f"http://127.0.0.1:{port}", began_at=began_at)
    await child.answer(_usage)
    await runrate.stop()


async def _usage(_question: dict[str, Any]) -> dict[str, Any]:
    return {"resident": child.resident(), **child.usage()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    logs.configure(level="info", log_format="json")
    asyncio.run(serve(child.settings()))
