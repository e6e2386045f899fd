"""The bare loop beside our dispatcher: the same posts over one shared session, and nothing written down."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.bench import child


async def post(client: AsyncWebClient, posts: Iterator[dict[str, Any]]) -> None:
    """Post one after the other for ever."""
    for one in posts:
        await client.chat_postMessage(token="xoxb-bench", **one)  # noqa: S106 - it opens nothing


async def loop(settings: dict[str, Any], posts: Iterator[dict[str, Any]]) -> None:
    """Let as many post side by side as our dispatcher would, until told to end."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        client = AsyncWebClient(base_url=settings["slack_url"], session=session, retry_handlers=[])
        child.say(ready=True)
        posting = [asyncio.create_task(post(client, posts)) for _ in range(settings["in_flight"])]
        await child.answer(_usage)
        for one in posting:
            one.cancel()
        await asyncio.gather(*posting, return_exceptions=True)


async def _usage(_question: dict[str, Any]) -> dict[str, Any]:
    return child.usage()


if __name__ == "__main__":
    told = child.settings()
    asyncio.run(loop(told, itertools.cycle(json.loads(Path(told["posts"]).read_text()))))
