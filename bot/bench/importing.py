"""An import by the command line, in a process of its own, so that its time and its memory are its own."""

import asyncio
import contextlib
import io
import os
import resource
import time
from typing import Any

from bot.bench import child, seeding
from bot.cli import main


def bring(told: dict[str, Any]) -> dict[str, Any]:
    """Import a file of subscriptions; say how many seconds and how many MiB at most that took."""
    os.environ |= {"DATABASE_URL": told["database_url"], "RUNRATE_SECRET_KEYS": seeding.KEY, "LOG_LEVEL": "warning"}
    began = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        main(["import", "--kind", "subscriptions", told["file"]], standalone_mode=False)
    seconds = time.monotonic() - began
    return {"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


async def serve(told: dict[str, Any]) -> None:
    """Import when told to."""

    async def answers(_question: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(bring, told)

    child.say(ready=True)
    await child.answer(answers)


if __name__ == "__main__":
    asyncio.run(serve(child.settings()))
