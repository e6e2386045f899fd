"""What the local vendors share: an answer in JSON, one that is planted, and a port of their own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.Response]]


@dataclass(frozen=True)
class Fault:
    """An answer that a request gets in place of its own."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = "{}"

    def response(self) -> web.Response:
        """Make the answer."""
        return web.Response(status=self.status, headers=self.headers, text=self.body)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Make an answer of a value."""
    return web.Response(text=json.dumps(value), status=status, headers=headers, content_type="application/json")


@asynccontextmanager
async def serving(answer: Answer, *, port: int = 0) -> AsyncIterator[str]:
    """Answer whatever is asked on loopback, on a free port unless one is given; give the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    try:
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
