"""A dispatcher alone in a process, with what it is to be measured with: how many in flight, and no pace."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bot import garbage, logs
from bot.bench import child
from models.database import Database
from models.secret import Keyring
from scheduler.dispatch import Dispatcher
from scheduler.slack import Slack

ADDRESS = "http://localhost:3000"


async def send(settings: dict[str, Any]) -> None:
    """Send what is owed until told to end."""
    database = Database(settings["database_url"])
    await database.start()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        dispatcher = Dispatcher(
            database=database,
            slack=Slack(session, base_url=settings["slack_url"]),
            keyring=Keyring([settings["key"]]),
            public_url=ADDRESS,
            now=lambda: datetime.now(UTC),
            owner=f"bench:{os.getpid()}",
            pace=timedelta(0),
            most_in_flight=settings["in_flight"],
        )
        garbage.leave_what_stays()
        child.say(ready=True)
        sending = asyncio.create_task(dispatcher.run())
        await child.answer(_usage)
        dispatcher.stop()
        await sending
    await database.close()


async def _usage(_question: dict[str, Any]) -> dict[str, Any]:
    return child.usage()


if __name__ == "__main__":
    logs.configure(level="info", log_format="json")
    asyncio.run(send(child.settings()))
