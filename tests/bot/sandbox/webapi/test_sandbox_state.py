"""What happens to a workspace, whom it is told, and how a page learns of it."""

import asyncio
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import Sandbox
from bot.sandbox.people import ACME, ADA, BOARD, DANA, DEALS, GLOBEX, GUS, OLD_NEWS, PARTNERS, REVENUE, SALES
from bot.sandbox.records import Person


@pytest.fixture
def bot(client: AsyncWebClient, sandbox: Sandbox) -> Person:
    """Give the bot user of the app installed in Acme."""
    found = sandbox.state.bot("A0SAMPLE", ACME)
    assert found is not None
    return found


async def test_a_public_channel_tells_of_its_life(sandbox: Sandbox, bot: Person, told: Any) -> None:
    channel = sandbox.state.channels[REVENUE]
    await sandbox.state.archive(channel, by=ADA)
    await sandbox.state.unarchive(channel, by=ADA)
    await sandbox.state.rename(channel, "income")
    await sandbox.state.delete_channel(channel, by=ADA)
    assert told.types() == ["channel_archive", "channel_unarchive", "channel_rename", "channel_deleted"]
    assert told.events[2][1]["channel"]["name"] == "income"
    assert sandbox.state.channel(ACME, REVENUE) is None


async def test_a_private_channel_tells_only_its_members(sandbox: Sandbox, bot: Person, told: Any) -> None:
    await sandbox.state.archive(sandbox.state.channels[BOARD], by=ADA)
    assert told.events == []
    await sandbox.state.join(sandbox.state.channels[DEALS], bot, inviter=ADA)
    await sandbox.state.archive(sandbox.state.channels[DEALS], by=ADA)
    assert told.types() == ["member_joined_channel", "group_archive"]
    assert told.events[0][1]["inviter"] == ADA


async def test_a_removed_bot_learns_that_it_is_out(sandbox: Sandbox, bot: Person, told: Any) -> None:
    channel = sandbox.state.channels[DEALS]
    await sandbox.state.join(channel, bot)
    await sandbox.state.leave(channel, bot, by=ADA)
    await sandbox.state.leave(channel, bot, by=ADA)
    assert told.types() == ["member_joined_channel", "member_left_channel", "group_left"]
    assert told.events[-1][1]["actor_id"] == ADA


async def test_memberships_of_others_are_told_where_the_bot_is(sandbox: Sandbox, bot: Person, told: Any) -> None:
    guest = sandbox.state.people[GUS]
    await sandbox.state.join(sandbox.state.channels[REVENUE], guest)
    assert told.events == []
    await sandbox.state.join(sandbox.state.channels[REVENUE], bot)
    await sandbox.state.leave(sandbox.state.channels[REVENUE], guest)
    assert told.types() == ["member_joined_channel", "member_left_channel"]


async def test_an_event_that_is_not_subscribed_is_not_sent(sandbox: Sandbox, bot: Person, told: Any) -> None:
    await sandbox.state.publish(ACME, {"type": "emoji_changed"})
    assert told.events == []


async def test_one_workspace_hears_nothing_of_the_other(sandbox: Sandbox, client_for: Any, told: Any) -> None:
    client_for(ACME)
    client_for(GLOBEX, by="U1GINA")
    await sandbox.state.archive(sandbox.state.channels[SALES], by="U1GINA")
    assert (told.types(ACME), told.types(GLOBEX)) == ([], ["channel_archive"])
    await sandbox.state.rename(sandbox.state.channels[PARTNERS], "ext-all")
    assert (told.types(ACME), told.types(GLOBEX)) == (["channel_rename"], ["channel_archive", "channel_rename"])


async def test_sharing_a_channel_is_told_at_its_home(sandbox: Sandbox, bot: Person, told: Any) -> None:
    channel = sandbox.state.channels[REVENUE]
    await sandbox.state.share(channel, GLOBEX)
    assert sandbox.state.channel(GLOBEX, REVENUE) is channel
    await sandbox.state.unshare(channel, GLOBEX)
    await sandbox.state.change_channel_id(channel, "C0REVENUE2")
    assert told.types() == ["channel_shared", "channel_unshared", "channel_id_changed"]
    assert sandbox.state.channel(ACME, "C0REVENUE2") is channel


async def test_a_workspace_tells_who_came_and_its_new_name(sandbox: Sandbox, bot: Person, told: Any) -> None:
    await sandbox.state.add_person(Person("U0NEW", ACME, "nia", "Nia Bell", "nia@acme.com"))
    await sandbox.state.rename_workspace(sandbox.state.workspaces[ACME], "Acme Corp")
    assert told.types() == ["team_join", "team_rename"]


async def test_a_guest_sees_only_their_own_channels(sandbox: Sandbox) -> None:
    names = [one.name for one in sandbox.state.visible_channels(sandbox.state.people[GUS])]
    assert names == ["general"]
    names = [one.name for one in sandbox.state.visible_channels(sandbox.state.people[DANA])]
    assert names == ["general", "revenue", "wins", "deals-private", "old-news", "ext-partners"]


async def test_timestamps_grow_even_when_the_clock_stands_still(sandbox: Sandbox) -> None:
    stamps = [sandbox.state.next_ts() for _ in range(100)]
    assert stamps == sorted(set(stamps))


async def test_a_page_that_waits_is_woken_by_the_next_change(sandbox: Sandbox) -> None:
    changes = sandbox.state.changes
    waiting = asyncio.create_task(changes.wait(changes.count, seconds=5))
    await asyncio.sleep(0)
    message = sandbox.state.post(sandbox.state.channels[REVENUE], sandbox.state.people[DANA], text="Hi")
    [change] = await waiting
    assert (change.kind, change.workspace_id, change.what) == ("message", ACME, {"channel": REVENUE, "ts": message.ts})
    assert await changes.wait(changes.count, seconds=0.01) == []
    assert changes.since(change.number - 1) == [change]


async def test_a_page_that_was_away_reads_what_it_missed(sandbox: Sandbox) -> None:
    before = sandbox.state.changes.count
    sandbox.state.post(sandbox.state.channels[PARTNERS], sandbox.state.people[ADA], text="Hi")
    told = await sandbox.state.changes.wait(before, seconds=0)
    assert [change.workspace_id for change in told] == [ACME, GLOBEX]


async def test_an_archived_channel_is_there_from_the_start(sandbox: Sandbox) -> None:
    assert sandbox.state.channels[OLD_NEWS].is_archived
