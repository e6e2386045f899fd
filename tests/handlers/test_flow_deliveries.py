"""What managers see of deliveries in the Home tab and by `/mrr deliveries`, and how they try again."""

import json
from datetime import timedelta

from bot.sandbox.people import ADA, PAT, REVENUE, WINS
from models import audit, delivery, workflow, workspace
from models.delivery import DeliveryState, FactKind
from models.source import SourceKind
from models.workflow import WorkflowWish
from tests.stage import ACME, Stage, both_engines

ALL_WELL = "*All well*: {} delivered today."
NOTICES = (FactKind.NOTICE, FactKind.RECOVERY)


async def in_state(acme: Stage, state: DeliveryState, number: int = 1) -> list[str]:
    """Wait until so many deliveries that somebody asked for are in a state, and give their ids."""

    async def look() -> list[str]:
        async with acme.database.read() as session:
            found = await delivery.of_workspace(session, ACME, state=state)
        asked_for = [one.id for one in found if one.fact_kind not in NOTICES]
        return asked_for if len(asked_for) == number else []

    return await acme.until(look)


async def told(acme: Stage, *kinds: FactKind) -> None:
    """Wait until the notices that belong to what happened are delivered, which count like every other message."""

    async def look() -> bool:
        async with acme.database.read() as session:
            found = await delivery.of_workspace(session, ACME, state=DeliveryState.DELIVERED)
        return sorted(one.fact_kind for one in found if one.fact_kind in NOTICES) == sorted(kinds)

    await acme.until(look)


async def fail(acme: Stage, code: str = "msg_too_long") -> str:
    """Let a message be refused for good, and give the delivery's id."""
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.browser.fault("error", method="chat.postMessage", channel=REVENUE, code=code)
    await acme.move(webhook)
    [failed] = await in_state(acme, DeliveryState.FAILED)
    await told(acme, FactKind.NOTICE)
    return failed


async def archive(acme: Stage, *, channel: str = REVENUE) -> None:
    """Let a movement and an event wait for an archived channel."""
    _, webhook = await acme.add_source()
    _, shop = await acme.add_source(kind=SourceKind.SEGMENT, name="Shop")
    await acme.add_destination(channels=[channel])
    wish = WorkflowWish(name="Orders", event="Order Completed", channel_id=channel, template="An order")
    async with acme.database.write() as session:
        await workflow.create(session, ACME, wish, by=ADA, now=acme.clock.now())
    await acme.browser.control("archive", channel=channel)
    await acme.move(webhook)
    await in_state(acme, DeliveryState.RETRYING)
    await told(acme, FactKind.NOTICE)
    call = {"userId": "u", "event": "Order Completed", "messageId": "m", "writeKey": shop.rsplit("/", 1)[1]}
    await acme.post(f"{acme.url}/v1/track", json.dumps(call).encode(), kind="application/json")
    await in_state(acme, DeliveryState.PENDING)


@both_engines
async def test_a_failing_channel_names_all_that_waits_for_it_and_whoever_asks(acme: Stage) -> None:
    await archive(acme)
    home = await acme.home()
    assert "Today: 1 delivered · 1 waiting · 1 to be tried again" in home.words
    assert (
        f"I can't post to <#{REVENUE}>: the channel is archived. 2 updates are waiting; nothing is lost." in home.words
    )
    assert "Unarchive it, or choose another channel." in home.words
    assert "All well" not in home.words
    for words, title in (("Edit “Every movement”", "Edit destination"), ("Edit “Orders”", "Edit workflow")):
        form = await home.click(words)
        assert form is not None
        assert form.title == title
        await form.close()


async def test_try_now_delivers_what_waits_once_the_channel_is_mended(acme: Stage) -> None:
    await archive(acme)
    home = await acme.home()
    await home.click("Try now")
    assert "the channel is archived" in (await acme.ada.home()).words
    await acme.browser.control("unarchive", channel=REVENUE)
    await (await acme.ada.home()).click("Try now")
    await acme.ada.message(REVENUE, containing="Northwind")
    await acme.ada.message(REVENUE, containing="An order")
    await in_state(acme, DeliveryState.DELIVERED, 2)
    await told(acme, FactKind.NOTICE, FactKind.RECOVERY)
    assert ALL_WELL.format("4 messages") in (await acme.home()).words


async def test_a_failing_fallback_channel_offers_to_choose_another(acme: Stage) -> None:
    async with acme.database.write() as session:
        await workspace.choose_fallback(session, ACME, WINS, by=ADA, now=acme.clock.now())
    _, webhook = await acme.add_source()
    await acme.browser.control("archive", channel=WINS)
    told = {"type": "signal", "id": "s", "kind": "new_hire", "person": "Sofia Marín", "account": {"external_id": "c"}}
    sent = json.dumps([{**told, "occurred_at": acme.clock.now().isoformat()}]).encode()
    assert (await acme.post(webhook, sent, kind="application/json")).status == 200
    await in_state(acme, DeliveryState.RETRYING)
    home = await acme.home()
    assert f"I can't post to <#{WINS}>: the channel is archived. 1 update is waiting" in home.words
    form = await home.click("Fallback channel", near="I can't post to")
    assert form is not None
    assert form.title == "Signals"


async def test_the_command_tells_a_manager_the_same_and_what_failed(acme: Stage) -> None:
    assert "All well" in (await acme.ada.run("/mrr deliveries", channel=REVENUE)).words
    await fail(acme)
    answered = await acme.ada.run("/mrr deliveries", channel=REVENUE)
    assert answered.message is not None
    assert answered.message.is_ephemeral
    assert "*Deliveries* Today: 1 delivered · 1 failed" in answered.words.replace("\n", " ")
    assert f"*Northwind: expansion +$420 MRR* to <#{REVENUE}>" in answered.words
    assert "Slack refused the message as too long." in answered.words
    assert "`/mrr deliveries` says what failed, and why." in (await acme.home()).words

    await acme.browser.clear_faults()
    await answered.message.click("Retry")
    await acme.ada.message(REVENUE, containing="Northwind")
    await in_state(acme, DeliveryState.DELIVERED)
    async with acme.database.read() as session:
        assert "delivery.retried" in [one.action for one in await audit.of_workspace(session, ACME)]
    await told(acme, FactKind.NOTICE, FactKind.RECOVERY)
    again = await acme.ada.run("/mrr deliveries", channel=REVENUE)
    assert ALL_WELL.format("3 messages") in again.words
    assert "Failed this week" not in again.words


async def test_a_member_is_told_whom_to_ask_and_may_try_nothing_again(acme: Stage) -> None:
    failed = await fail(acme)
    answered = await acme.person(PAT).run("/mrr deliveries", channel=REVENUE)
    assert answered.words == (
        f"Only managers see the deliveries, since they name every channel. Ask <@{ADA}> or a Slack admin."
    )
    for action in ("delivery_retry", "delivery_try_now"):
        assert (await acme.press({"action_id": action, "value": failed}, user=PAT)).status == 200
        assert "Only managers can change this" in (await acme.person(PAT).modal()).words
    await in_state(acme, DeliveryState.FAILED)


async def test_what_is_done_already_is_said_instead_of_being_done_twice(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook)
    [done] = await in_state(acme, DeliveryState.DELIVERED)
    assert (await acme.press({"action_id": "delivery_retry", "value": done})).status == 200
    assert "it is delivered." in (await acme.ada.modal()).words
    assert len(await acme.ada.messages(REVENUE)) == 1


async def test_what_waits_long_is_not_called_well(acme: Stage) -> None:
    await archive(acme)
    acme.clock.ahead += timedelta(hours=3)
    assert "The oldest has waited for 3 h." in (await acme.home()).words


async def test_today_begins_at_midnight_where_the_manager_is(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook)
    await in_state(acme, DeliveryState.DELIVERED)
    assert ALL_WELL.format("1 message") in (await acme.home()).words
    acme.clock.ahead += timedelta(hours=24)
    assert "*All well*: nothing to tell yet today" in (await acme.home()).words
