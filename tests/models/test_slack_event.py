"""Slack's events: each takes effect once, with its effect or not at all."""

import asyncio
from datetime import timedelta

import pytest

from models import slack_event
from models.database import Database
from tests.seeds import ACME, GLOBEX, NOW


async def is_first(database: Database, workspace_id: str = ACME) -> bool:
    async with database.write() as session:
        return await slack_event.is_first(session, workspace_id, "Ev1", now=NOW)


async def test_of_ten_concurrent_deliveries_of_an_event_one_takes_effect(database: Database) -> None:
    assert sum(await asyncio.gather(*(is_first(database) for _ in range(10)))) == 1
    assert await is_first(database, GLOBEX)


async def test_an_event_whose_effect_failed_is_not_recorded(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as session:
            assert await slack_event.is_first(session, ACME, "Ev1", now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await is_first(database)


async def test_events_are_forgotten_once_slack_can_t_repeat_them(database: Database) -> None:
    await is_first(database)
    async with database.write() as session:
        await slack_event.forget_old(session, now=NOW + timedelta(days=1))
        assert await slack_event.is_known(session, ACME, "Ev1")
        await slack_event.forget_old(session, now=NOW + timedelta(days=3))
        assert not await slack_event.is_known(session, ACME, "Ev1")
