"""Channels: what we know of them, learned from Slack's answers and events."""

from typing import Any

from models import channel, reach
from models.database import Database
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW


async def remember(database: Database, channel_id: str = "C1", **info: Any) -> channel.Channel:
    async with database.write() as session:
        return await channel.remember(session, ACME, {"id": channel_id, "name": channel_id.lower(), **info}, now=NOW)


async def test_a_channel_is_known_as_slack_last_described_it(database: Database) -> None:
    await remember(database, is_private=True, is_member=True, is_ext_shared=True)
    known = await remember(database, name="renamed", is_group=True, is_archived=True, is_pending_ext_shared=True)
    assert (known.name, known.is_private, known.is_member, known.is_archived, known.is_shared_outside) == (
        "renamed",
        True,
        False,
        True,
        True,
    )
    async with database.read() as session:
        assert list(await channel.known(session, ACME)) == ["C1"]


async def test_what_an_event_says_of_a_channel_that_we_don_t_know_changes_nothing(database: Database) -> None:
    async with database.write() as session:
        await channel.change(session, ACME, "C1", is_archived=True)
        assert await channel.get(session, ACME, "C1") is None
    await remember(database)
    async with database.write() as session:
        await channel.change(session, GLOBEX, "C1", is_archived=True)
        await channel.change(session, ACME, "C1", name="renamed")
    async with database.read() as session:
        found = await channel.get(session, ACME, "C1")
    assert found is not None
    assert (found.name, found.is_archived) == ("renamed", False)


async def test_only_open_public_channels_that_were_chosen_are_joined(database: Database) -> None:
    await seeds.add_destination(database, "C1", "C2", "C3", "C4", "C5")
    await remember(database, "C1", is_member=True)
    await remember(database, "C2", is_private=True)
    await remember(database, "C3", is_archived=True)
    await remember(database, "C4")
    await remember(database, "C6")
    async with database.read() as session:
        assert await reach.channels_to_join(session, ACME) == ["C4"]
