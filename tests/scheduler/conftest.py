"""Fixtures of the scheduler's tests: the local Slack without limits, and nothing installed yet."""

from collections.abc import AsyncIterator

import pytest

from models.database import Database
from tests.sending import Sending, sending


@pytest.fixture
async def line(database: Database) -> AsyncIterator[Sending]:
    """Give what stands between a movement and its message."""
    async with sending(database) as made:
        yield made
