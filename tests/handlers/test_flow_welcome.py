"""A channel that somebody invited the bot to is told once what can be done there."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.people import ACME, ADA, BOARD, DANA, DEALS, GUS, REVENUE
from models import delivery
from models.delivery import FactKind
from tests.stage import Stage

WELCOME = "I can post your MRR movements here"


def events_of_an_invitation(acme: Stage, channel: str) -> list[dict[str, Any]]:
    """Slack's two events, in no documented order."""
    mention = {"type": "app_mention", "user": ADA, "channel": channel, "text": "hi", "ts": "1.1"}
    joined = {"type": "member_joined_channel", "user": acme.bot(), "channel": channel, "channel_type": "C"}
    return [mention, joined | {"inviter": ADA}]


async def welcomes(acme: Stage, channel: str) -> int:
    stored = await acme.browser.stored("T0ACME", channel)
    return len([one for one in stored if WELCOME in one["text"]])


async def test_inviting_by_mention_brings_a_welcome_whose_button_fills_in_the_channel(acme: Stage) -> None:
    await acme.ada.say(DEALS, f"<@{acme.bot()}> what can you do?")
    question = await acme.ada.message(DEALS, containing="Invite Them")
    await question.click("Invite Them")
    welcome = await acme.dana.message(DEALS, containing=WELCOME)
    modal = await (await acme.ada.message(DEALS, containing=WELCOME)).click("Post MRR here")
    assert modal is not None
    assert modal.filled["Channels"] == [DEALS]
    assert (await modal.submit({"Name": "Deals"})).closed

    refused = await welcome.click("Post MRR here")
    shown = refused or await acme.dana.message(DEALS, containing="Only managers can change this")
    assert "Only managers can change this" in shown.words


@pytest.mark.parametrize("mention_first", [True, False])
async def test_both_events_in_either_order_and_each_twice_are_one_welcome(acme: Stage, *, mention_first: bool) -> None:
    acme.slack.channels[BOARD].members.append(acme.bot())
    events = events_of_an_invitation(acme, BOARD)
    for number, event in enumerate(events if mention_first else reversed(events)):
        for _ in range(2):
            assert (await acme.event(event, event_id=f"Ev{number}")).status == 200
    await acme.ada.message(BOARD, containing=WELCOME)
    await asyncio.sleep(0.3)
    assert await welcomes(acme, BOARD) == 1
    assert await acme.called("chat.postEphemeral") == 0


async def test_who_is_removed_and_invited_again_says_it_again(acme: Stage) -> None:
    for number in (1, 2):
        await acme.ada.invite(DEALS, acme.bot())
        await acme.until(lambda number=number: _has(acme, DEALS, number))
        await acme.ada.kick(DEALS, acme.bot())
        await acme.sandbox.outbound.settled()


async def _has(acme: Stage, channel: str, number: int) -> bool:
    return await welcomes(acme, channel) == number


async def test_joining_by_ourselves_says_nothing(acme: Stage) -> None:
    await acme.add_destination("Every movement", [REVENUE])
    await acme.until(lambda: _joined(acme))
    await acme.sandbox.outbound.settled()
    await asyncio.sleep(0.3)
    assert await welcomes(acme, REVENUE) == 0


async def _joined(acme: Stage) -> bool:
    return acme.bot() in acme.slack.channels[REVENUE].members


async def test_a_welcome_that_can_not_be_posted_at_once_is_not_posted_late(acme: Stage) -> None:
    mention, _ = events_of_an_invitation(acme, BOARD)
    assert (await acme.event(mention)).status == 200
    await acme.until(lambda: _tried(acme))
    acme.clock.ahead += timedelta(hours=1)
    acme.slack.channels[BOARD].members.append(acme.bot())
    await asyncio.sleep(1.2)
    assert await welcomes(acme, BOARD) == 0


async def _tried(acme: Stage) -> bool:
    return await acme.called("chat.postMessage") > 0


async def test_who_opens_our_empty_conversation_reads_once_what_comes_there_and_what_is_next(acme: Stage) -> None:
    for _ in range(2):
        await acme.ada.do("home", tab="messages")
        first = await acme.ada.message("@Runrate", containing="What Runrate tells you alone comes here")
    assert "Two steps bring MRR into Slack" in first.words
    why = await first.click("Why did I get this?")
    assert why is not None
    assert "You opened this conversation while it was empty." in why.words
    await why.close()
    form = await first.click("Add source")
    assert form is not None
    assert form.title == "Add source"
    await acme.add_source()
    await acme.add_destination("Every movement")

    await acme.dana.do("home", tab="messages")
    await (await acme.dana.message("@Runrate", containing="Nothing comes yet.")).click("Send me a daily recap by DM")
    await acme.dana.message("@Runrate", containing="Your daily recap comes at 09:00 America/New_York")
    assert "Your daily recap" in (await acme.dana.open_home()).words

    await acme.person(GUS).do("home", tab="messages")
    async with acme.database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
    assert sorted(one.target for one in rows if one.fact_kind == FactKind.WELCOME) == [ADA, DANA]


async def test_whom_we_wrote_to_before_is_not_greeted(acme: Stage) -> None:
    form = await acme.destination_form(acme.ada)
    assert (await form.submit({"Name": "To Dana", "Channels": [], "People": [DANA]})).closed
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind")
    await acme.dana.message("@Runrate", containing="Northwind")
    await acme.dana.do("home", tab="messages")
    async with acme.database.read() as session:
        assert {one.fact_kind for one in await delivery.of_workspace(session, ACME)} == {FactKind.MOVEMENT}
