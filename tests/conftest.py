"""Fixtures for the whole suite: a database of each engine, empty at the start of each test."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import delete

from models import migrations, tables
from models.database import Database
from tests import postgres

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
"""A Monday morning: the instant at which tests take place that don't say otherwise."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a real PostgreSQL for this test process."""
    with postgres.server() as server:
        yield server.get_uri()


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
async def database(database_url: str) -> AsyncIterator[Database]:
    """Give an empty database at the newest revision."""
    database = Database(database_url)
    await migrations.upgrade(database)
    if not database.is_sqlite:
        async with database.write() as session:  # On small tables this takes a thirtieth of the time of TRUNCATE.
            for table in reversed(tables.metadata.sorted_tables):
                await session.execute(delete(table))
    await database.start()
    yield database
    await database.close()


@pytest.fixture
def now() -> datetime:
    """Give the instant at which the test takes place."""
    return NOW


def pytest_report_header() -> str:
    """Say in the log where PostgreSQL keeps its sockets, which must be short paths."""
    return f"temporary files: {tempfile.gettempdir()} (cpu count {os.cpu_count()})"
