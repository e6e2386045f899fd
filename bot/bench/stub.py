"""A bare Slack in a process of its own: it answers every request at once with 200 and `ok`, and counts.

`delay` is how many seconds it takes over an answer. A message that has a mark (`Mark0000123`) in it is noted with the
instant at which it came, by the monotonic clock that all processes of a machine share.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.bench import child
from bot.bench.child import Child

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
MARK = re.compile(rb"Mark(\d{7})")
POST = b"POST /api/chat.postMessage "
ANSWER = b'{"ok":true,"channel":"C1","ts":"%d.000100","message":{},"members":[],"user":{"id":"U1"}}'
HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"


@dataclass
class Heard:
    """What came so far."""

    requests: int = 0
    posts: int = 0
    last_at: float = 0.0
    marks: dict[int, list[float]] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """One connection that is kept alive; its requests come one after the other."""

    def __init__(self, heard: Heard, delay: float) -> None:
        """Take where to count, and how long an answer takes."""
        self._heard, self._delay = heard, delay
        self._buffer = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep what is written to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            is_post, body = self._buffer.startswith(POST), bytes(self._buffer[end + 4 : whole])
            del self._buffer[:whole]
            if is_post:
                self._note(body)
            self._answer()

    def _note(self, body: bytes) -> None:
        heard = self._heard
        heard.posts += 1
        heard.last_at = time.monotonic()
        if marked := MARK.search(body):
            heard.marks.setdefault(int(marked[1]), []).append(heard.last_at)

    def _answer(self) -> None:
        self._heard.requests += 1
        answer = ANSWER % self._heard.requests
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, answer)
        else:
            self._write(answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(HEADERS % (len(answer), answer))


class Stub:
    """The stub as a row sees it."""

    def __init__(self, process: Child) -> None:
        """Take the process."""
        self._process = process

    @property
    def url(self) -> str:
        """Where it plays Slack's Web API."""
        return f"http://127.0.0.1:{self._process.said['port']}/api/"

    async def count(self) -> dict[str, Any]:
        """Give `requests`, `posts` among them, when the last post came, and the usage."""
        return await self._process.ask(what="count")

    async def marks(self) -> dict[int, list[float]]:
        """Give the instants at which each mark came."""
        answer = await self._process.ask(what="marks")
        return {int(mark): instants for mark, instants in answer["marks"].items()}


@asynccontextmanager
async def stub(folder: Path, *, delay: float = 0.0) -> AsyncIterator[Stub]:
    """Start a stub."""
    async with child.started(__name__, folder, delay=delay) as process:
        yield Stub(process)


async def serve(delay: float) -> None:
    """Listen, and answer whoever started us."""
    heard = Heard()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(heard, delay), "127.0.0.1", 0)

    async def answers(question: dict[str, Any]) -> dict[str, Any]:
        if question["what"] == "marks":
            return {"marks": heard.marks}
        return {
            "requests": heard.requests,
            "posts": heard.posts,
            "last_at": heard.last_at,
            **child.usage(),
        }

    child.say(port=server.sockets[0].getsockname()[1])
    await child.answer(answers)


if __name__ == "__main__":
    asyncio.run(serve(child.settings()["delay"]))
