"""Fixtures for the whole suite: a database of each engine, empty at the start of each test."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text

from models import migrations, tables
from models.database import Database
from tests import compiled, postgres

compiled.share()
gc.disable()  # Until all is collected: what is made until then stays.

# structlog's own choice draws each traceback with all its variables, which takes up to a second.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
"""A Monday morning: the instant at which tests take place that don't say otherwise."""

EMPTY_ALL = (
    f"DO $$ BEGIN {'; '.join(f'DELETE FROM {one.name}' for one in reversed(tables.metadata.sorted_tables))}; END $$"
)
"""On small tables this takes a thirtieth of the time of TRUNCATE."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a real PostgreSQL for this test process."""
    with postgres.server() as server:
        yield server.get_uri()


@pytest.fixture(scope="session")
def migrated_url(postgres_url: str) -> str:
    """Give the URL of this process's PostgreSQL, at the newest revision."""
    migrate(postgres_url)
    return postgres_url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give an SQLite file at the newest revision, to be copied: that takes a hundredth of the time of migrating."""
    path = tmp_path_factory.mktemp("migrated") / "runrate.db"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


def migrate(url: str) -> None:
    """Bring a database to the newest revision, in a thread since there may be an event loop in this one."""

    async def upgrade() -> None:
        database = Database(url)
        await migrations.upgrade(database)
        await database.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, upgrade()).result()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Run the test once for each engine."""
    return str(request.param)


@pytest.fixture
def database_url(engine_name: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an engine's database; it may hold the rows of an earlier test."""
    if engine_name == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'runrate.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Give an empty database at the newest revision."""
    database = Database(database_url)
    if database.is_sqlite:
        shutil.copyfile(request.getfixturevalue("migrated_file"), str(database.url.database))
    else:
        request.getfixturevalue("migrated_url")
        async with database.write() as session:
            await session.execute(text(EMPTY_ALL))
    await database.start()
    yield database
    await database.close()


@pytest.fixture
def now() -> datetime:
    """Give the instant at which the test takes place."""
    return NOW


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the garbage collector from all that was imported and collected: it took a sixth of a test to go through."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)  # Python's own, 700 new objects, takes a fifteenth of the suite's time.
        gc.enable()


def pytest_report_header() -> str:
    """Say in the log where PostgreSQL keeps its sockets, which must be short paths."""
    return f"temporary files: {tempfile.gettempdir()} (cpu count {os.cpu_count()})"
