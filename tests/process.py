"""The app in a process of its own, to be killed: `python -m tests.process`, with its settings in the environment.

`SECONDS_AHEAD` turns its clock forward, so that a test needn't wait until a dead worker's lease runs out.
"""

import asyncio
import os
from datetime import UTC, datetime, timedelta

from bot import logs
from bot.app import Runrate
from bot.settings import Settings

AHEAD = timedelta(seconds=float(os.environ.get("SECONDS_AHEAD", "0")))


async def run() -> None:
    logs.configure()
    app = Runrate(Settings(_env_file=None), now=lambda: datetime.now(UTC) + AHEAD)
    await app.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run())
