"""Several things done at once, none of which outlives the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Do several things at once, and wait for all. Where one fails, the others are ended before its error is raised.

    After `asyncio.gather` they would go on behind the answer, and even behind the end of the database.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
