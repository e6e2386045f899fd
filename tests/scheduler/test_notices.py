"""Notices: once a streak, to those whom it concerns, and once when it works again."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from bot.sandbox.people import ADA, DANA, GUS, OLGA, PAT
from models import channel, delivery, destination, notice, person, workflow
from models.channel import Absence
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.merge import SINGLY
from models.notice import PASSING, Streak
from models.recipient import RecipientKind, To, together
from scheduler.apply import apply_waiting
from scheduler.notices import Notices
from tests import seeds
from tests.seeds import ACME, GLOBEX, KEYRING
from tests.sending import DEALS, OLD_NEWS, REVENUE, WINS, Sending, sending

S = DeliveryState


def stage(line: Sending, *, mails: bool = False) -> Notices:
    return Notices(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now, mails=mails)


async def streaks(line: Sending) -> list[Streak]:
    async with line.database.read() as session:
        return list(await session.scalars(select(Streak).order_by(Streak.id)))


async def told(line: Sending, kind: FactKind = FactKind.NOTICE) -> list[Delivery]:
    return [one for one in await line.ledger() if one.fact_kind == kind]


async def go_on(line: Sending, *, seconds: float = 60, looks: int = 3, mails: bool = False) -> None:
    """Let time pass: try again and again, and look now and then."""
    for _ in range(looks):
        await line.run(seconds=seconds / looks)
        await stage(line, mails=mails).look()
    await line.drain()


def words_to(line: Sending, user: str) -> list[str]:
    """What stands in somebody's direct messages from us."""
    bot = line.sandbox.state.bot(line.app.id, ACME)
    assert bot is not None
    places = [one for one in line.sandbox.state.channels.values() if one.kind == "im" and user in one.members]
    return [message.text for place in places for message in place.messages.values()]


async def set_archived(line: Sending, *, archived: bool, place: str = REVENUE) -> None:
    line.sandbox.state.channels[place].is_archived = archived


async def test_what_was_merged_meanwhile_counts_as_so_many_updates(line: Sending) -> None:
    await line.ready()
    await set_archived(line, archived=True)
    await line.move(SINGLY + 4)
    await go_on(line, seconds=600, looks=8)
    await set_archived(line, archived=False)
    await go_on(line, seconds=1200, looks=8)
    failed, over = words_to(line, ADA)
    assert f"{SINGLY + 4} updates are waiting" in failed
    assert f"The {SINGLY + 4} waiting updates were delivered at " in over


async def test_a_failing_channel_is_told_once_however_often_it_is_tried_and_its_recovery_once(line: Sending) -> None:
    """Test 32: exactly one failure notice per streak and one “recovered”."""
    await line.ready()
    await set_archived(line, archived=True)
    await line.move(3)
    await go_on(line, seconds=600, looks=8)
    [first] = words_to(line, ADA)
    assert first == (
        f"I can't post to <#{REVENUE}>: the channel is archived. "
        "3 updates are waiting; nothing is lost. Unarchive it, or choose another channel."
    )

    await set_archived(line, archived=False)
    await go_on(line, seconds=1200, looks=8)
    _, last = words_to(line, ADA)
    assert last.startswith(f"Posting to <#{REVENUE}> works again. The 3 waiting updates were delivered at ")
    await go_on(line, seconds=1200, looks=4)
    assert len(words_to(line, ADA)) == 2
    [streak] = await streaks(line)
    assert (streak.delivered, streak.ended_at is not None) == (3, True)


async def test_that_people_can_t_be_told_any_more_is_told_once_by_name_and_mentions_nobody(line: Sending) -> None:
    await line.install()
    async with line.database.write() as session:
        for one in line.sandbox.state.people.values():
            user = {"id": one.id, "name": one.real_name, "deleted": one.deleted, "is_restricted": one.is_restricted}
            await person.remember(session, ACME, user, now=line.clock.now())
    people = (To(RecipientKind.PERSON, OLGA), To(RecipientKind.PERSON, GUS), together([DANA, PAT]))
    await line.destination(recipients=people)
    line.fault("error", method="conversations.open", code="user_disabled")
    await line.move()
    await go_on(line, seconds=600)
    waits = "1 update is waiting; nothing is lost."
    advice = "Choose somebody else, or make them full members of the workspace."
    pair = "the group DM of Dana Reyes and Pat Singh"
    assert sorted(words_to(line, ADA)) == [
        f"I can't write to Gus Vale: guests may not hear of MRR. {waits} {advice}",
        f"I can't write to Olga Petrov: they left this Slack workspace. {waits} Choose somebody else.",
        f"I can't write to {pair}: one of them left this Slack workspace. {waits} Choose the people of the group anew.",
    ]

    line.sandbox.faults.clear()
    await go_on(line, seconds=1200, looks=8)
    [recovered] = words_to(line, ADA)[3:]
    assert recovered.startswith(f"Writing to {pair} works again. The waiting update was delivered at ")


async def test_the_next_streak_is_told_anew(line: Sending) -> None:
    await line.ready()
    for _ in range(2):
        await set_archived(line, archived=True)
        await line.move()
        await go_on(line)
        await set_archived(line, archived=False)
        await go_on(line, seconds=1200, looks=4)
    assert ["can't post" in one for one in words_to(line, ADA)] == [True, False, True, False]


async def test_any_number_of_workers_tell_it_once(line: Sending) -> None:
    """Test 32, with four stages that look at the same time."""
    await line.ready()
    await set_archived(line, archived=True)
    await line.move(2)
    await line.drain()
    await asyncio.gather(*(stage(line).look() for _ in range(4)))
    assert (len(await streaks(line)), len(await told(line))) == (1, 1)
    await set_archived(line, archived=False)
    await line.run()
    await asyncio.gather(*(stage(line).look() for _ in range(4)))
    assert len(await told(line, FactKind.RECOVERY)) == 1


class Forgetful(Notices):
    """Broken on purpose: each process keeps its streaks to itself, so that none asks whether one is open already."""

    async def _begin(self, failing: notice.Failing, *, now: datetime) -> None:
        workspace_id, asked_by, target = failing.key
        await super()._begin(replace(failing, key=(workspace_id, asked_by, f"{target} {id(self)}")), now=now)


async def test_without_the_question_whether_a_streak_is_open_it_is_told_twice(line: Sending) -> None:
    """Show that the test above can fail."""
    await line.ready()
    await set_archived(line, archived=True)
    await line.move()
    await line.drain()
    made = [
        Forgetful(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now, mails=False)
        for _ in range(2)
    ]
    await asyncio.gather(*(one.look() for one in made))
    assert len(await told(line)) == 2


async def test_a_look_that_comes_late_opens_no_streak_for_what_was_delivered_meanwhile(line: Sending) -> None:
    await line.ready()
    await set_archived(line, archived=True)
    await line.move()
    await line.drain()
    async with line.database.read() as session:
        seen = await notice.failing(session, now=line.clock.now())
    await stage(line).look()
    await set_archived(line, archived=False)
    await line.run()
    await stage(line).look()
    [failing] = seen.values()
    await stage(line)._begin(failing, now=line.clock.now())
    assert len(await streaks(line)) == 1


async def test_another_cause_within_a_streak_is_noted_and_not_told(line: Sending) -> None:
    await line.ready()
    await set_archived(line, archived=True)
    await line.move()
    await go_on(line)
    await set_archived(line, archived=False)
    line.fault("error", code="restricted_action")
    await go_on(line, seconds=600)
    [streak] = await streaks(line)
    assert streak.cause == "only some people may post in the channel"
    assert len(words_to(line, ADA)) == 1


@pytest.mark.parametrize("fault", ["http_500", "drop_request", "limit"])
async def test_what_passes_within_minutes_is_told_to_nobody(line: Sending, fault: str) -> None:
    await line.ready()
    line.fault(fault, times=3)
    await line.move(2)
    await go_on(line, seconds=300, looks=6)
    assert await streaks(line) == []
    assert {one.state for one in await line.ledger()} == {S.DELIVERED}


async def test_what_does_not_pass_for_a_while_is_told_once_for_the_whole_workspace(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    line.fault("http_500", channel=REVENUE)
    line.fault("http_500", channel=WINS)
    await line.move()
    await go_on(line, seconds=PASSING.total_seconds() + 120, looks=6)
    [streak] = await streaks(line)
    assert streak.is_everywhere
    [only] = words_to(line, ADA)
    assert only.startswith("Runrate can't post in T0Acme: Slack had an error")
    assert "2 updates are waiting; nothing is lost." in only
    line.sandbox.faults.clear()
    await go_on(line, seconds=1800, looks=6)
    assert "Runrate posts in T0Acme again. The 2 waiting updates were delivered" in words_to(line, ADA)[1]


async def test_a_creator_who_left_is_replaced_by_the_managers(line: Sending) -> None:
    await line.install()
    await line.let_in(REVENUE)
    async with line.database.write() as session:
        await person.name_managers(session, ACME, [DANA], by=ADA, now=line.clock.now())
    await line.destination(REVENUE)
    line.sandbox.state.people[ADA].deleted = True
    await set_archived(line, archived=True)
    await line.move()
    await stage_after(line)
    assert [one.target for one in await told(line)] == [DANA]


async def stage_after(line: Sending) -> None:
    await line.run(seconds=5)
    await stage(line).look()


async def test_a_workflow_s_creator_hears_of_it_with_its_own_buttons(line: Sending) -> None:
    await line.install()
    async with line.database.write() as session:
        wish = seeds.workflow_wish(channel_id=OLD_NEWS)
        made = await workflow.create(session, ACME, wish, by=PAT, now=line.clock.now())
    origin, _ = await seeds.add_source(line.database)
    await seeds.receive(line.database, seeds.event_of(origin, seeds.track(name="Ann"), key="t"))
    await apply_waiting(line.database, now=line.clock.now())
    await stage_after(line)
    await line.drain()
    [owed] = await told(line)
    assert (owed.target, owed.state) == (PAT, S.DELIVERED)
    [place] = [one for one in line.sandbox.state.channels.values() if one.kind == "im" and PAT in one.members]
    [message] = place.messages.values()
    assert [one["value"] for one in message.blocks[1]["elements"]] == [made.id, made.id]


async def test_a_notice_that_can_t_be_delivered_causes_no_other(line: Sending) -> None:
    """Test 32: the notice path itself failing does not recurse."""
    await line.ready()
    await set_archived(line, archived=True)
    line.fault("error", code="messages_tab_disabled", channel=ADA)
    await line.move()
    await go_on(line, seconds=7200, looks=10)
    [streak] = await streaks(line)
    assert streak.target == REVENUE
    [owed] = await told(line)
    assert owed.state == S.RETRYING
    assert "Messages tab" in str(owed.reason)


async def test_a_notice_that_comes_too_late_is_not_sent_and_neither_is_the_recovery(line: Sending) -> None:
    await line.ready()
    await set_archived(line, archived=True)
    line.fault("limit", channel=ADA, retry_after=600)
    await line.move()
    await go_on(line)
    await set_archived(line, archived=False)
    await go_on(line, seconds=300)
    line.sandbox.faults.clear()
    await go_on(line, seconds=1200)
    assert words_to(line, ADA) == []
    ours = [*await told(line), *await told(line, FactKind.RECOVERY)]
    assert [(one.state, one.reason) for one in ours] == [(S.SKIPPED, SkipReason.STALE)] * 2


async def test_a_message_that_failed_for_good_is_told_and_the_next_one_is_the_recovery(line: Sending) -> None:
    await line.ready()
    line.fault("error", code="msg_too_long", times=1)
    await line.move()
    line.clock.turn(1)
    await stage_after(line)
    await line.drain()
    [first] = words_to(line, ADA)
    assert "Slack refused the message as too long" in first
    assert "1 update was given up, and can be retried" in first
    await go_on(line, looks=2)
    line.fault("error", code="msg_too_long", times=1)
    await line.move()
    await go_on(line, looks=2)
    assert words_to(line, ADA) == [first], "the second failure belongs to the same streak"
    await line.move()
    await go_on(line)
    assert len(words_to(line, ADA)) == 2
    assert len(await streaks(line)) == 1


async def test_what_is_not_wanted_any_more_ends_its_streak_in_silence(line: Sending) -> None:
    made = await line.ready()
    await set_archived(line, archived=True)
    await line.move()
    await go_on(line)
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id, hold=True)
        await destination.remove(session, found, by=ADA, now=line.clock.now())
    await go_on(line)
    [streak] = await streaks(line)
    assert streak.ended_at is not None
    assert await told(line, FactKind.RECOVERY) == []


async def test_of_a_lost_token_nothing_is_told_in_slack_and_each_channel_keeps_its_peace(line: Sending) -> None:
    """Test 12: token revoked mid-run: queue held not burnt; reinstall resumes."""
    await line.ready(REVENUE, WINS)
    await line.sandbox.state.revoke(line.app, ACME)
    await line.move(2)
    await go_on(line, seconds=300)
    [streak] = await streaks(line)
    assert (streak.is_everywhere, streak.cause) == (True, "Slack no longer accepts its token")
    assert await told(line) == []
    tried = len(line.calls())
    await go_on(line, seconds=3600)
    assert len(line.calls()) == tried
    await line.install()
    await go_on(line, seconds=600)
    [streak] = await streaks(line)
    assert (streak.delivered, streak.ended_at is not None) == (4, True)
    assert {one.state for one in await line.ledger()} == {S.DELIVERED}


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ({"absence": Absence.REMOVED, "is_private": True}, "I was removed from the channel, which is private"),
        ({"absence": Absence.DELETED}, "the channel was deleted"),
        ({"absence": Absence.DISCONNECTED, "is_private": True}, "no longer shares it with this workspace"),
        ({"is_private": False}, "the channel isn't public any more, and I'm not in it"),
        ({"is_private": True}, "I can't see it, since it is private and I'm not in it, or it was deleted"),
    ],
)
async def test_why_a_channel_can_t_be_seen_is_told_as_well_as_we_know(
    line: Sending, known: dict[str, object], reason: str
) -> None:
    """Test 13: each gives its own reason."""
    await line.install()
    await line.destination(DEALS)
    async with line.database.write() as session:
        await channel.remember(session, ACME, {"id": DEALS, "name": "deals"}, now=line.clock.now())
        await channel.change(session, ACME, DEALS, **{"is_member": False, **known})
    await line.move()
    await line.drain()
    [owed] = await line.ledger()
    assert reason in str(owed.reason)
    assert owed.fix


async def test_a_channel_shared_later_gets_no_mrr_until_a_manager_says_so(line: Sending) -> None:
    await line.ready(REVENUE, WINS)
    shared = {"id": REVENUE, "name": "revenue", "is_member": True, "is_ext_shared": True}
    async with line.database.write() as session:
        await channel.remember(session, ACME, shared, now=line.clock.now())
    await line.move()
    await go_on(line, seconds=600)
    assert line.messages() == []
    assert len(line.messages(WINS)) == 1
    [held] = [one for one in await line.ledger() if one.target == REVENUE]
    assert (held.state, held.reason) == (S.RETRYING, "the channel is now shared with another company")
    assert "Confirm it in the destination" in words_to(line, ADA)[0]

    async with line.database.write() as session:
        await channel.confirm_outsiders(session, ACME, [REVENUE], by=ADA, now=line.clock.now())
    await go_on(line, seconds=1200)
    assert len(line.messages()) == 1
    async with line.database.write() as session:
        for info in ({**shared, "is_ext_shared": False}, shared):
            again = await channel.remember(session, ACME, info, now=line.clock.now())
    assert again.needs_confirmation


async def test_a_channel_found_shared_on_entering_it_gets_nothing_either(line: Sending) -> None:
    await line.install()
    await line.destination(REVENUE)
    line.sandbox.state.channels[REVENUE].workspace_ids.append(GLOBEX)
    await line.move()
    await line.run(seconds=60)
    assert line.messages() == []
    assert (await line.only()).reason == "the channel is now shared with another company"


async def test_one_workspace_s_trouble_is_told_in_that_workspace(database: Database) -> None:
    async with sending(database) as line:
        await line.ready()
        await line.install(GLOBEX)
        await set_archived(line, archived=True)
        await line.move()
        await go_on(line)
        assert {one.workspace_id for one in await streaks(line)} == {ACME}
        async with database.read() as session:
            assert await delivery.of_workspace(session, GLOBEX) == []


async def test_a_streak_knows_since_when_it_lasts(line: Sending) -> None:
    await line.ready()
    await set_archived(line, archived=True)
    began = line.clock.now()
    await line.move()
    line.clock.turn(5)
    await go_on(line)
    [streak] = await streaks(line)
    assert began <= streak.began_at <= began + timedelta(seconds=6)
    assert streak.waiting_since == began
