"""One SQL statement for all that a recap tells, asked again and again: what stands beside our recaps."""

import asyncio
import sqlite3
import time
from typing import Any

from bot.bench import child

MRR_AND_KINDS = """
SELECT currency, CASE WHEN occurred_at < :starts_at THEN 'start' ELSE kind END AS part, SUM(amount_minor), COUNT(*)
FROM movements WHERE workspace_id = :workspace_id AND occurred_at < :ends_at GROUP BY currency, part
"""
"""The MRR at the start, and the sums of the five kinds, in each currency."""


def ask(told: dict[str, Any]) -> dict[str, Any]:
    """Ask so often, or until the time is up; say how often that was, and in how many seconds."""
    starts_at, ends_at = (instant.partition("+")[0] + ".000000" for instant in told["period"])
    period = {"workspace_id": "T00000", "starts_at": starts_at, "ends_at": ends_at}
    connection = sqlite3.connect(told["database_url"].partition("///")[2])
    try:
        connection.execute(MRR_AND_KINDS, period).fetchall()
        began, number = time.monotonic(), 0
        while number < told["number"] and (number == 0 or time.monotonic() - began < told["seconds"]):
            connection.execute(MRR_AND_KINDS, period).fetchall()
            number += 1
        return {"number": number, "seconds": time.monotonic() - began}
    finally:
        connection.close()


async def serve(told: dict[str, Any]) -> None:
    """Ask when told to."""

    async def answers(_question: dict[str, Any]) -> dict[str, Any]:
        return await asyncio.to_thread(ask, told)

    child.say(ready=True)
    await child.answer(answers)


if __name__ == "__main__":
    asyncio.run(serve(child.settings()))
