"""Somebody leaves who answered for destinations: these go on, and managers are told once."""

import asyncio
from typing import Any

import pytest

from bot.sandbox.people import ADA, DANA, PAT
from models import destination, keeper, person
from models.delivery import DeliveryState, FactKind, SkipReason
from models.destination import Destination
from scheduler.keepers import Keepers
from scheduler.notices import Notices
from scheduler.reconcile import Reconciler
from tests import seeds
from tests.seeds import ACME, GLOBEX, KEYRING
from tests.sending import OLD_NEWS, REVENUE, WINS, Sending


async def know(line: Sending, user_id: str, name: str, workspace: str = ACME, **user: Any) -> None:
    """Let Slack say something of somebody."""
    async with line.database.write() as session:
        told = {"id": user_id, "profile": {"real_name": name}, **user}
        await person.remember(session, workspace, told, now=line.clock.now())


async def kept_by_dana(line: Sending, *channels: str, name: str) -> Destination:
    async with line.database.write() as session:
        return await destination.create(session, ACME, seeds.wish(*channels, name=name), by=DANA, now=line.clock.now())


async def begin(line: Sending) -> None:
    """Install, with two destinations that Dana made, whom Ada named a manager, and one of Ada's."""
    await line.ready(REVENUE)
    await line.let_in(WINS)
    async with line.database.write() as session:
        await person.name_managers(session, ACME, [DANA], by=ADA, now=line.clock.now())
    await know(line, ADA, "Ada Lovelace", is_admin=True)
    await know(line, DANA, "Dana Reyes")
    await kept_by_dana(line, WINS, name="Wins")
    await kept_by_dana(line, WINS, name="Board")


async def look(line: Sending) -> None:
    await Keepers(database=line.database, now=line.clock.now).look()
    await line.drain()


def direct(line: Sending, user: str) -> list[str]:
    """What stands in somebody's direct messages from us."""
    places = [one for one in line.sandbox.state.channels.values() if one.kind == "im" and user in one.members]
    return [message.text for place in places for message in place.messages.values()]


async def named(line: Sending, name: str) -> Destination:
    async with line.database.read() as session:
        return await destination.named(session, ACME, name)


LEFT = (
    "Dana Reyes has left. “Board” and “Wins” go on as before, but nobody answers for them now: until somebody does, "
    "managers hear when something can't be delivered."
)


async def test_managers_hear_once_that_somebody_left_and_what_they_made_goes_on(line: Sending) -> None:
    await begin(line)
    await look(line)
    assert direct(line, ADA) == []
    await know(line, DANA, "Dana Reyes", deleted=True)
    await asyncio.gather(*(look(line) for _ in range(3)))
    line.clock.turn(3600)
    await look(line)
    assert (direct(line, ADA), direct(line, DANA)) == ([LEFT], [])
    await line.move()
    await line.run()
    assert len(line.messages(WINS)) == 2


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_look_that_marks_nothing_would_tell_of_it_again_and_again(line: Sending) -> None:
    """The broken variant: what was marked is forgotten."""
    await begin(line)
    await know(line, DANA, "Dana Reyes", deleted=True)
    for _ in range(2):
        await look(line)
        line.clock.turn(1)
        async with line.database.write() as session:
            for one in await keeper.unkept(session, ACME, DANA):
                one.unkept_at = None
    assert direct(line, ADA) == [LEFT, LEFT]


@pytest.mark.parametrize(
    ("user", "how"),
    [({"is_restricted": True}, "is no manager"), ({}, "is no manager"), ({"is_admin": True}, None)],
    ids=["a guest", "named no more", "named no more, but an admin"],
)
async def test_so_does_who_loses_their_right(line: Sending, user: dict[str, bool], how: str | None) -> None:
    await begin(line)
    await know(line, DANA, "Dana Reyes", **user)
    async with line.database.write() as session:
        await person.name_managers(session, ACME, [], by=ADA, now=line.clock.now())
    await look(line)
    assert [one.partition(".")[0] for one in direct(line, ADA)] == (
        [f"Dana Reyes {how} of Runrate any more"] if how else []
    )


async def test_who_comes_back_answers_again_and_may_leave_again(line: Sending) -> None:
    await begin(line)
    for is_gone in (True, False, True):
        await know(line, DANA, "Dana Reyes", deleted=is_gone)
        await look(line)
        assert ((await named(line, "Wins")).unkept_at is not None) is is_gone
        line.clock.turn(60)
    assert direct(line, ADA) == [LEFT, LEFT]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_what_was_handed_over_meanwhile_is_not_told(line: Sending) -> None:
    await begin(line)
    await know(line, DANA, "Dana Reyes", deleted=True)
    await Keepers(database=line.database, now=line.clock.now).look()
    async with line.database.write() as session:
        for one in await keeper.unkept(session, ACME, DANA, hold=True):
            destination.hand_over(session, one, to=ADA, by=ADA, now=line.clock.now())
    await line.drain()
    [told] = [one for one in await line.ledger() if one.fact_kind == FactKind.KEEPER_GONE]
    assert (told.state, told.reason) == (DeliveryState.SKIPPED, SkipReason.STALE)


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_where_who_installed_it_leaves_as_the_last_manager_admins_hear(line: Sending) -> None:
    await line.ready(REVENUE)
    await know(line, ADA, "Ada Lovelace", is_admin=True, deleted=True)
    await know(line, PAT, "Pat Singh", is_admin=True)
    await know(line, "U1GINA", "Gina", GLOBEX, is_admin=True)
    await look(line)
    assert [one.partition(".")[0] for one in direct(line, PAT)] == ["Ada Lovelace has left"]


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_failures_go_to_managers_meanwhile(line: Sending) -> None:
    await begin(line)
    await kept_by_dana(line, OLD_NEWS, name="Archive")
    async with line.database.write() as session:
        await person.name_managers(session, ACME, [], by=ADA, now=line.clock.now())
    await look(line)
    await line.move()
    await line.run(seconds=60)
    await Notices(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now, mails=False).look()
    await line.drain()
    assert [one for one in direct(line, DANA) if "can't post" in one] == []
    assert len([one for one in direct(line, ADA) if "can't post" in one]) == 1


async def test_a_departure_that_slack_did_not_tell_is_found_by_asking(line: Sending) -> None:
    await begin(line)
    line.sandbox.state.people[DANA].deleted = True
    await Reconciler(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now).reconcile()
    await look(line)
    assert direct(line, ADA) == [LEFT]
