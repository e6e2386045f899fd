"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from handlers import health

Client = TestClient[web.Request, web.Application]


async def answers() -> None:
    pass


async def refuses() -> None:
    raise ConnectionRefusedError("postgresql://runrate:hunter2@db.internal/runrate")


async def hangs() -> None:
    await asyncio.sleep(30)


@asynccontextmanager
async def served(database: Callable[[], Awaitable[None]]) -> AsyncIterator[Client]:
    app = web.Application()
    health.register(app, database=database, patience=0.05)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_a_living_process_says_so_whatever_the_database_does() -> None:
    async with served(hangs) as client, client.get("/healthz") as response:
        assert response.status == 200
        assert await response.json() == {"status": "ok"}


async def test_it_is_ready_while_the_database_answers() -> None:
    async with served(answers) as client, client.get("/readyz") as response:
        assert response.status == 200
        assert await response.json() == {"status": "ready", "database": "ok"}


async def test_it_is_not_ready_when_the_database_refuses_and_no_secret_is_told() -> None:
    async with served(refuses) as client, client.get("/readyz") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "5"
        assert (await response.json())["database"] == "unreachable"
        assert "hunter2" not in await response.text()


async def test_a_database_that_hangs_counts_as_unreachable() -> None:
    async with served(hangs) as client, client.get("/readyz") as response:
        assert response.status == 503
