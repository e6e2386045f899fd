"""Trying a destination out: a message where it posts, that says nothing of MRR and stands in the ledger."""

import pytest

from bot.sandbox.people import ACME, ADA, REVENUE, WINS
from models import audit, delivery
from models.delivery import Delivery, DeliveryState, FactKind
from tests.stage import Stage

TEST = "*Test of “Every movement”*: it can post here."


async def trials(stage: Stage) -> list[Delivery]:
    async with stage.database.read() as session:
        return [one for one in await delivery.of_workspace(session, ACME) if one.fact_kind == FactKind.TEST]


async def test_a_test_is_posted_to_every_channel_each_time_that_it_is_asked_for(acme: Stage) -> None:
    await acme.add_destination("Every movement", [REVENUE, WINS])
    answered = await acme.ada.run("/mrr test every movement", channel=WINS)
    assert answered.message is not None
    assert answered.message.is_ephemeral
    assert f"A test of “Every movement” is on its way to <#{REVENUE}> and <#{WINS}>." in answered.words
    for channel in (REVENUE, WINS):
        message = await acme.dana.message(channel, containing=TEST)
        assert "Each movement that it hears of is told here as it happens." in message.words
        assert "Ada Okafor asked for this test; nothing happened to MRR" in message.words
        assert message["text"] == "Test of “Every movement”: it can post here"
    shown = await (await acme.home()).click("Send a test", near="Every movement")
    assert shown is not None
    assert "is on its way" in shown.words
    await shown.close()

    async def four_arrived() -> bool:
        return [one.state for one in await trials(acme)] == [DeliveryState.DELIVERED] * 4

    await acme.until(four_arrived)
    why = await (await acme.ada.message(WINS, containing=TEST)).click("Why did I get this?")
    assert why is not None
    assert "A test" in why.words
    async with acme.database.read() as session:
        done = [(one.action, one.actor) for one in (await audit.of_workspace(session, ACME))[:2]]
    assert done == [("destination.tested", ADA)] * 2


async def test_a_test_that_can_t_be_posted_says_so_where_the_deliveries_are(acme: Stage) -> None:
    await acme.add_destination()
    await acme.browser.control("archive", workspace=ACME, channel=REVENUE)
    assert "is on its way" in (await acme.ada.run("/mrr test", channel=WINS)).words

    async def is_refused() -> bool:
        return [one.state for one in await trials(acme)] == [DeliveryState.RETRYING]

    await acme.until(is_refused)
    assert "the channel is archived" in (await acme.ada.run("/mrr deliveries", channel=WINS)).words


@pytest.mark.parametrize(
    ("frequency", "following"),
    [(None, "It is paused at present."), ("Daily: a recap of the day before", "Its next recap is due <!date^")],
)
async def test_a_test_says_what_comes_next(acme: Stage, frequency: str | None, following: str) -> None:
    form = await acme.destination_form()
    choices = {"Frequency": frequency} if frequency else {}
    assert (await form.submit({"Name": "Every movement", **choices})).closed
    if frequency is None:
        asked = (await acme.ada.run("/mrr pause", channel=REVENUE)).modal
        assert asked is not None
        assert (await asked.submit()).closed
    await acme.ada.run("/mrr test", channel=WINS)
    assert following in (await acme.dana.message(REVENUE, containing=TEST)).words
