"""A source in a process of its own: it sends movements at a rate that doesn't wait for answers, or as fast as it can.

Each movement carries a mark by which the stub knows its message again, and the instant at which it was sent is kept.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
import orjson
from slack_sdk.web.async_client import AsyncWebClient

from bot.bench import child

ACCOUNTS = 100
AT_ONCE = 4
TAKEN = 200


@dataclass
class Traffic:
    """What was sent so far, and what was not taken."""

    session: aiohttp.ClientSession
    sent: dict[int, float] = field(default_factory=dict)
    refused: int = 0

    async def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Do what is asked, and say what came of it."""
        doings: dict[str, Callable[..., Awaitable[list[float] | None]]] = {
            "offer": self.offer,
            "flood": self.flood,
            "posts": self.posts,
        }
        self.sent, self.refused, before = {}, 0, child.usage()
        took = await doings[question.pop("what")](**question)
        share = child.share(before, child.usage())
        return {"sent": self.sent, "refused": self.refused, "took": took or [], "client": share}

    async def offer(self, *, urls: list[str], rate: float, seconds: float, batch: int = 1, first: int = 0) -> None:
        """Send so many movements a second, to one address after the other."""

        async def send(number: int) -> None:
            marks = range(first + number * batch, first + (number + 1) * batch)
            await self._send(urls[number % len(urls)], marks)

        await _at_rate(send, rate=rate / batch, seconds=seconds)

    async def flood(self, *, urls: list[str], first: int, number: int, batch: int) -> None:
        """Send so many movements as fast as they are taken, again where there is no room for them."""
        batches = iter([range(one, min(one + batch, first + number)) for one in range(first, first + number, batch)])
        addresses = itertools.cycle(urls)

        async def send_on() -> None:
            for marks in batches:
                address = next(addresses)
                while await self._send(address, marks) != TAKEN:  # noqa: ASYNC110 - the answer says: in a second
                    await asyncio.sleep(1)

        await asyncio.gather(*(send_on() for _ in range(AT_ONCE)))

    async def posts(self, *, slack_url: str, rate: float, seconds: float) -> list[float]:
        """Post bare messages at a rate; give how long each took until it was answered."""
        client = AsyncWebClient(base_url=slack_url, session=self.session, retry_handlers=[])
        took: list[float] = []

        async def post(_number: int) -> None:
            began = time.monotonic()
            await client.chat_postMessage(token="xoxb-bench", channel="C1", text="Northwind Traders: +$420 MRR")  # noqa: S106
            took.append(time.monotonic() - began)

        await _at_rate(post, rate=rate, seconds=seconds)
        return took

    async def _send(self, url: str, marks: range) -> int:
        body = orjson.dumps([_movement(mark) for mark in marks])
        now = time.monotonic()
        self.sent |= dict.fromkeys(marks, now)
        headers = {"Content-Type": "application/json"}
        async with self.session.post(url, data=body, headers=headers) as response:
            await response.read()
            self.refused += response.status != TAKEN
            return response.status


async def _at_rate(do: Callable[[int], Awaitable[None]], *, rate: float, seconds: float) -> None:
    """Begin doing it so often a second, whether or not what was begun before has ended."""
    began, doing = time.monotonic(), []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(began + number / rate - time.monotonic(), 0))
        doing.append(asyncio.ensure_future(do(number)))
    await asyncio.gather(*doing)


def _movement(mark: int) -> dict[str, Any]:
    return {
        "type": "movement",
        "id": f"m{mark}",
        "account_external_id": f"a{mark % ACCOUNTS}",
        "account_name": "Northwind Traders",
        "kind": "expansion",
        "amount_minor": 42_000,
        "currency": "USD",
        "plan": "Scale",
        "description": f"Mark{mark:07}",
        "occurred_at": datetime.now(UTC).isoformat(),
    }


async def serve() -> None:
    """Send what is asked for, until told to end."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        child.say(ready=True)
        await child.answer(Traffic(session).answer)


if __name__ == "__main__":
    asyncio.run(serve())
