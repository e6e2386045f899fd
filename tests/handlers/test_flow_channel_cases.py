"""Whatever happens to a channel: what we know then, what a person reads, and what becomes of what is owed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.sandbox.people import ACME, DEALS, GLOBEX, REVENUE
from models import channel, delivery
from models.delivery import Delivery, FactKind
from tests.stage import Stage

NEW_ID = "C9MONEY"
INVITE = "Type @Runrate in the channel and press “Invite Them”, or choose another channel."


@dataclass(frozen=True)
class Case:
    """What happens to a channel; what we know of it, and read of it in the ledger; and what lets the message through.

    Nothing read means that the message arrives all the same. Nothing that mends means that the channel is gone.
    """

    happens: tuple[str, ...]
    knows: dict[str, Any] = field(default_factory=dict)
    reads: str | None = None
    fix: str = ""
    mends: str | None = None
    place: str = REVENUE
    arrives_in: str | None = None


CASES = {
    "archived": Case(
        ("archive",),
        {"is_archived": True, "is_member": True},
        "the channel is archived",
        "Unarchive it, or choose another channel.",
        "unarchive",
    ),
    "unarchived": Case(("archive", "unarchive"), {"is_archived": False}),
    "deleted": Case(
        ("delete_channel",),
        {"is_archived": True, "is_member": False, "absence": "deleted"},
        "the channel was deleted",
        "Choose another channel.",
    ),
    "renamed": Case(("rename",), {"name": "money", "is_member": True}),
    "given another id": Case(("change_channel_id",), arrives_in=NEW_ID),
    "public, and we were removed": Case(("remove_bot",), {"is_member": False}),
    "private, and we were removed": Case(
        ("remove_bot",),
        {"is_member": False, "is_private": True, "absence": "removed"},
        "I was removed from the channel, which is private",
        INVITE,
        "add_bot",
        place=DEALS,
    ),
    "made private with us in it": Case(("convert",), {"is_member": True}),
    "made private without us": Case(
        ("remove_bot", "forget_why", "convert"),
        {"is_member": False, "is_private": False},
        "the channel isn't public any more, and I'm not in it",
        INVITE,
        "add_bot",
    ),
    "made public again": Case(("remove_bot", "convert"), {"is_member": False}, place=DEALS),
    "shared with another company": Case(
        ("share",),
        {"is_shared_outside": True, "needs_confirmation": True},
        "the channel is now shared with another company",
        "Confirm it in the destination, or choose another channel.",
        "unshare",
    ),
    "no longer shared with us": Case(
        ("lose",),
        {"is_member": False, "absence": "disconnected"},
        "the company that owns the channel no longer shares it with this workspace",
        "Ask them to share it again, or choose another channel.",
    ),
}


async def happen(stage: Stage, do: str, place: str) -> None:
    """Let it happen in Slack, and wait until we have heard of what Slack tells us of."""
    known = stage.slack.channels[place]
    match do:
        case "forget_why":
            async with stage.database.write() as session:
                await channel.change(session, ACME, place, absence=None)
        case "lose":
            known.workspace_ids, known.members = [GLOBEX], []
            told = {"type": "channel_unshared", "previously_connected_team_id": ACME, "channel": place}
            assert (await stage.event(told)).status == 200
        case _:
            what = {"name": "money", "new_id": NEW_ID, "with": GLOBEX, "as": known.creator}
            await stage.browser.control(do, workspace=ACME, channel=place, **what)
    await stage.sandbox.outbound.settled()


async def told(stage: Stage) -> Delivery | None:
    async with stage.database.read() as session:
        owed = await delivery.of_workspace(session, ACME)
    return next((one for one in owed if one.fact_kind == FactKind.MOVEMENT and one.reason), None)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_each_case_has_its_own_reason_and_fix_and_nothing_is_lost(acme: Stage, case: Case) -> None:
    """Test 13: archived, renamed, made private, id changed, bot kicked, Slack Connect disconnected."""
    await acme.ada.invite(case.place, acme.bot())
    await acme.sandbox.outbound.settled()
    await acme.add_destination(channels=[case.place])
    _, webhook = await acme.add_source()
    for do in case.happens:
        await happen(acme, do, case.place)
    async with acme.database.read() as session:
        known = await channel.get(session, ACME, case.arrives_in or case.place)
    assert known is not None
    assert {name: getattr(known, name) for name in case.knows} == case.knows

    await acme.move(webhook)
    if case.reads is not None:
        held = await acme.until(lambda: told(acme))
        assert (held.reason, held.fix, held.state) == (case.reads, case.fix, "retrying")
        assert f"I can't post to <#{case.place}>: {case.reads}." in (await acme.home()).words
        if case.mends is None:
            return
        await happen(acme, case.mends, case.place)
    await acme.ada.message(case.arrives_in or case.place, containing="Northwind")
