"""People as recipients: each by direct message, or together in one group DM, and nobody who may not hear."""

import pytest

from bot.sandbox.people import DANA, GUS, MEI, OLGA, PAT
from bot.sandbox.records import Message
from models import channel, conversation, destination, person
from models.delivery import DeliveryState, SkipReason
from models.recipient import RecipientKind, To, together
from scheduler.reconcile import Reconciler
from tests import seeds
from tests.seeds import ACME, KEYRING
from tests.sending import REVENUE, Sending

S = DeliveryState
OPEN = "conversations.open"
PAIR = together([MEI, DANA])


def alone(user_id: str) -> To:
    return To(RecipientKind.PERSON, user_id)


async def ready(line: Sending, *recipients: To) -> None:
    await line.install()
    await line.let_in(REVENUE)
    await line.destination(recipients=recipients)


def said(line: Sending, *people: str) -> list[Message]:
    """What stands in the conversation of these people with us."""
    bot = line.sandbox.state.bot(line.app.id, ACME)
    assert bot is not None
    place = line.sandbox.state.direct(ACME, [bot.id, *people])
    return list(place.messages.values()) if place else []


async def get_to_know(line: Sending, *people: str) -> None:
    """Learn of people as an hourly look would."""
    grants = Reconciler(database=line.database, slack=line.slack(), keyring=KEYRING, now=line.clock.now)
    await grants.reconcile()
    async with line.database.read() as session:
        assert set(people) <= set(await person.names(session, ACME))


def reasons(message: Message) -> str:
    return str(message.blocks[-1]["elements"][0]["text"])


async def test_each_person_is_told_alone_and_a_group_in_one_conversation_that_is_opened_once(line: Sending) -> None:
    await ready(line, *seeds.channels(REVENUE), alone(PAT), PAIR)
    await line.move(2)
    await line.run()

    assert [len(found) for found in (line.messages(REVENUE), said(line, PAT), said(line, MEI, DANA))] == [2, 2, 2]
    assert (said(line, MEI), said(line, DANA)) == ([], [])
    assert len(line.calls(OPEN)) == 1
    assert reasons(said(line, PAT)[0]).endswith("to you by “Every movement”")
    assert reasons(said(line, MEI, DANA)[0]).endswith("to this group by “Every movement”")
    owed = await line.ledger()
    assert {(one.state, one.target) for one in owed} == {(S.DELIVERED, one) for one in (REVENUE, PAT, f"{DANA},{MEI}")}
    [place] = {one.message_channel for one in owed if one.target == PAIR.target}
    async with line.database.read() as session:
        assert await conversation.opened(session, [(ACME, PAIR.target)]) == {(ACME, PAIR.target): place}
        assert await conversation.target_of(session, ACME, str(place)) == PAIR.target


async def test_a_conversation_that_was_opened_without_an_answer_gets_one_message_that_is_no_repeat(
    line: Sending,
) -> None:
    """An opening says nothing to anybody: it is simply done again."""
    await ready(line, PAIR)
    line.fault("lose_response", method=OPEN, times=1)
    await line.move()
    await line.drain()
    assert ((await line.only()).state, (await line.only()).reason) == (
        S.RETRYING,
        "Slack didn't open their conversation",
    )
    await line.run()
    assert len(said(line, MEI, DANA)) == 1
    assert ((await line.only()).state, (await line.only()).may_be_repeat) == (S.DELIVERED, False)


async def test_a_lost_answer_to_the_message_itself_is_in_doubt(line: Sending) -> None:
    """The broken variant of the test above: an opening that counted as a message would be sent again, marked."""
    await ready(line, PAIR)
    line.fault("lose_response", times=1)
    await line.move()
    await line.run()
    assert len(said(line, MEI, DANA)) == 2
    assert (await line.only()).may_be_repeat


async def test_a_group_s_conversation_that_was_closed_is_opened_anew(line: Sending) -> None:
    await ready(line, PAIR)
    async with line.database.write() as session:
        await conversation.remember(session, ACME, PAIR.target, "C0GONE", now=line.clock.now())
    await line.move()
    await line.run()
    assert len(said(line, MEI, DANA)) == 1
    assert [one.answer for one in await line.attempts()] == ["channel_not_found", "ok"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("user_disabled", "one of them left this Slack workspace"),
        ("user_not_found", "Slack doesn't know one of them"),
        ("invalid_user_combination", "one of them belongs to another company"),
        ("missing_scope", "Runrate lacks a permission in Slack"),
    ],
)
async def test_a_conversation_that_slack_refuses_waits_for_its_fix(line: Sending, code: str, reason: str) -> None:
    await ready(line, PAIR)
    line.fault("error", method=OPEN, code=code)
    await line.move()
    await line.drain()
    owed = await line.only()
    assert (owed.state, owed.reason, bool(owed.fix)) == (S.RETRYING, reason, True)
    assert [one.answer for one in await line.attempts()] == [code]


@pytest.mark.parametrize(
    ("user_id", "reason"), [(OLGA, "they left this Slack workspace"), (GUS, "guests may not hear of MRR")]
)
async def test_who_left_or_became_a_guest_is_told_nothing_and_the_others_are(
    line: Sending, user_id: str, reason: str
) -> None:
    await ready(line, alone(user_id), alone(PAT))
    await get_to_know(line, user_id, PAT)
    await line.move()
    await line.run()
    assert {one.target: (one.state, one.reason) for one in await line.ledger()} == {
        user_id: (S.RETRYING, reason),
        PAT: (S.DELIVERED, None),
    }
    assert said(line, user_id) == []


async def test_slack_itself_takes_what_is_sent_to_somebody_who_left(line: Sending) -> None:
    """The broken variant: nobody looked whether they are still there, and the ledger says delivered."""
    await ready(line, alone(OLGA))
    await line.move()
    await line.run()
    assert ((await line.only()).state, len(said(line, OLGA))) == (S.DELIVERED, 1)


async def test_a_group_with_a_guest_is_told_nothing_and_one_that_somebody_left_goes_on(line: Sending) -> None:
    state = line.sandbox.state
    await ready(line, PAIR)
    await line.move()
    await line.run()
    await state.deactivate(state.people[MEI])
    await get_to_know(line, MEI, DANA)
    await line.move()
    await line.run()
    assert len(said(line, MEI, DANA)) == 2

    state.people[DANA].is_restricted = True
    await get_to_know(line, MEI, DANA)
    await line.move()
    await line.run()
    assert len(said(line, MEI, DANA)) == 2
    assert (await line.ledger())[-1].reason == "guests may not hear of MRR"


async def test_a_test_reaches_people_too_and_what_a_destination_no_longer_wants_does_not(line: Sending) -> None:
    await ready(line, alone(PAT), PAIR)
    async with line.database.write() as session:
        [found] = await destination.of_workspace(session, ACME)
        to = await destination.try_out(session, found, note="Ada asked", by="U0ADA", now=line.clock.now())
        assert to == [alone(PAT), PAIR]
    await line.run()
    assert "it can post here" in said(line, MEI, DANA)[0].text
    await line.move()
    async with line.database.write() as session:
        [found] = await destination.of_workspace(session, ACME)
        kept = seeds.wish(recipients=(alone(PAT),))
        await destination.edit(session, found, kept, by="U0ADA", now=line.clock.now())
    await line.run()
    assert [one.reason for one in await line.ledger() if one.target == PAIR.target] == [None, SkipReason.DELETED]


async def test_a_channel_s_own_id_is_no_conversation_of_people(line: Sending) -> None:
    await line.ready()
    async with line.database.read() as session:
        assert await conversation.target_of(session, ACME, REVENUE) is None
        assert await channel.get(session, ACME, REVENUE)
