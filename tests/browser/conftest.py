"""Fixtures for tests in a real browser: the product on SQLite, and people who sit before it.

One browser serves all tests of a process, so that these fixtures and tests share one event loop; each test module says
so with `pytestmark`.
"""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from bot.sandbox.people import ADA, DANA, PAT
from tests.browser import chromium
from tests.browser.seat import Seat, seated
from tests.stage import Stage, staged

PATIENCE = 15_000
"""How many milliseconds a busy machine may take to show what a person waits for."""

Sit = Callable[[str], Awaitable[Seat]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start Chromium, or skip where there is none."""
    path = chromium.find()
    if path is None:
        pytest.skip(chromium.MISSING)
    expect.set_options(timeout=PATIENCE)
    async with chromium.launched(path) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def stage(browser: Browser, migrated_file: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    """Give the product, installed nowhere yet."""
    path = shutil.copyfile(migrated_file, tmp_path / "runrate.db")
    async with staged(f"sqlite+aiosqlite:///{path}") as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="session")
async def acme(stage: Stage) -> Stage:
    """Give the product, installed in Acme."""
    await stage.install()
    return stage


@pytest_asyncio.fixture(loop_scope="session")
async def sit(stage: Stage, browser: Browser) -> AsyncIterator[Sit]:
    """Seat people before the local Slack; at the end nothing in their pages may have complained."""
    seats: list[Seat] = []
    async with AsyncExitStack() as stack:

        async def one_more(user: str) -> Seat:
            seat = await stack.enter_async_context(seated(browser, stage.sandbox.url, user))
            seat.page.set_default_timeout(PATIENCE)
            seats.append(seat)
            return seat

        yield one_more
    assert [line for seat in seats for line in seat.broken] == []


@pytest_asyncio.fixture(loop_scope="session")
async def ada(sit: Sit) -> Seat:
    """Seat the admin."""
    return await sit(ADA)


@pytest_asyncio.fixture(loop_scope="session")
async def dana(sit: Sit) -> Seat:
    """Seat an account executive."""
    return await sit(DANA)


@pytest_asyncio.fixture(loop_scope="session")
async def pat(sit: Sit) -> Seat:
    """Seat a plain member."""
    return await sit(PAT)
