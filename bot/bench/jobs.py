"""Procrastinate, a job queue on PostgreSQL, with one post a job: what stands beside our queue."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
from procrastinate import App, PsycopgConnector
from slack_sdk.web.async_client import AsyncWebClient

from bot.bench import child

AT_ONCE = 1000
ENDS_WITHIN = 5


class Queue:
    """The queue's one task, and what it posts with."""

    def __init__(self, database_url: str, *, connections: int) -> None:
        """Take the database, and how many connections the worker may open."""
        connector = PsycopgConnector(conninfo=database_url, min_size=connections, max_size=connections)
        self.app = App(connector=connector)
        self.client: AsyncWebClient | None = None
        self.posts: list[dict[str, Any]] = []
        self.task = self.app.task(name="post", pass_context=False)(self._post)

    async def _post(self, number: int) -> None:
        if self.client is not None:
            post = self.posts[number % len(self.posts)]
            await self.client.chat_postMessage(token="xoxb-bench", **post)  # noqa: S106 - it opens nothing


async def fill(database_url: str, *, number: int) -> None:
    """Make the queue's tables, and so many jobs in them."""
    queue = Queue(database_url, connections=1)
    async with queue.app.open_async():
        await queue.app.schema_manager.apply_schema_async()
        for first in range(0, number, AT_ONCE):
            jobs: list[dict[str, Any]] = [{"number": one} for one in range(first, min(first + AT_ONCE, number))]
            await queue.task.batch_defer_async(*jobs)


async def work(settings: dict[str, Any], posts: list[dict[str, Any]]) -> None:
    """Work the jobs off until told to end."""
    queue = Queue(settings["database_url"], connections=settings["connections"])
    queue.posts = posts
    async with aiohttp.ClientSession() as session, queue.app.open_async():
        queue.client = AsyncWebClient(base_url=settings["slack_url"], session=session, retry_handlers=[])
        worker = queue.app.run_worker_async(
            concurrency=settings["in_flight"],
            delete_jobs=settings["delete_jobs"],
            install_signal_handlers=False,
            shutdown_graceful_timeout=ENDS_WITHIN,
        )
        working = asyncio.create_task(worker)
        child.say(ready=True)
        await child.answer(_usage)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _usage(_question: dict[str, Any]) -> dict[str, Any]:
    return child.usage()


if __name__ == "__main__":
    told = child.settings()
    if "fill" in told:
        asyncio.run(fill(told["database_url"], number=told["fill"]))
        child.say(ready=True)
        sys.exit(0)
    asyncio.run(work(told, json.loads(Path(told["posts"]).read_text())))
