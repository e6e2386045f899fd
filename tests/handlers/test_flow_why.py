"""“Why did I get this?”: every message answers it, to whoever asks and no further than they may know."""

import json
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.errors import NotPossibleError
from bot.sandbox.people import ADA, DANA, DEALS, GUS, PARTNERS, PAT, REVENUE, WINS
from bot.sandbox.person import Message, Modal
from models import delivery, workflow
from models.source import SourceKind
from models.workflow import WorkflowWish
from tests.stage import ACME, NOT_FOR_GUESTS, Stage

WHY = "Why did I get this?"
OWNER = {"type": "role", "account_external_id": "contoso", "role": "owner", "email": "dana@acme.com"}


async def send(acme: Stage, webhook: str, *records: dict[str, Any]) -> None:
    answer = await acme.post(webhook, json.dumps(list(records)).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


def hire(acme: Stage) -> dict[str, Any]:
    account = {"external_id": "contoso", "name": "Contoso"}
    told = {"type": "signal", "id": "hire-1", "kind": "new_hire", "person": "Sofia Marín", "account": account}
    return {**told, "occurred_at": acme.clock.now().isoformat()}


async def ask(message: Message) -> Modal:
    modal = await message.click(WHY)
    assert modal is not None
    assert modal.title == WHY
    return modal


async def told(acme: Stage, *, channels: list[str] | None = None) -> str:
    """Let a movement be told in #revenue, and answer the webhook."""
    _, webhook = await acme.add_source()
    await acme.add_destination(channels=channels)
    await acme.move(webhook)
    await acme.ada.message(REVENUE, containing="Northwind")
    return webhook


async def settled(acme: Stage) -> None:
    """Wait until the ledger knows where the messages stand: one may be seen a moment before."""

    async def look() -> bool:
        async with acme.database.read() as session:
            rows = await delivery.of_workspace(session, ACME)
        return all(one.settled_at is not None for one in rows)

    await acme.until(look)


async def test_a_movement_says_what_it_is_who_wanted_it_and_how_it_came(acme: Stage) -> None:
    await told(acme)
    await settled(acme)
    modal = await ask(await acme.person(PAT).message(REVENUE, containing="Northwind"))
    assert "Northwind: expansion +$420 MRR" in modal.words
    assert "from “Billing”" in modal.words
    assert "*“Every movement”* posts here each movement as it happens." in modal.words
    assert f"<@{ADA}> made this destination on" in modal.words
    assert "Slack admins and owners, in Runrate's Home tab." in modal.words
    assert "at the first attempt." in modal.words
    assert "del_" not in modal.words


async def test_a_manager_reads_the_attempts_too(acme: Stage) -> None:
    await acme.browser.fault("http_500", method="chat.postMessage", times=1)
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook)
    acme.clock.ahead += timedelta(seconds=30)
    await acme.ada.message(REVENUE, containing="Northwind")
    await settled(acme)
    words = (await ask(await acme.ada.message(REVENUE, containing="Northwind"))).words
    assert "First tried" in words
    assert "`http 500`" in words
    assert "`ok`" in words
    assert "in a terminal: `runrate deliveries show del_" in words
    assert "http 500" not in (await ask(await acme.dana.message(REVENUE, containing="Northwind"))).words


async def test_nobody_reads_of_the_destination_s_other_channels(acme: Stage) -> None:
    await acme.ada.invite(DEALS, acme.bot())
    await acme.sandbox.outbound.settled()
    await told(acme, channels=[REVENUE, DEALS])
    await settled(acme)
    for person in (acme.person(PAT), acme.ada):
        modal = await ask(await person.message(REVENUE, containing="Northwind"))
        assert DEALS not in str(modal)


async def test_a_guest_reads_whom_to_ask_and_nothing_else(acme: Stage) -> None:
    await told(acme)
    await acme.ada.invite(REVENUE, GUS)
    gus = acme.person(GUS)
    assert await (await gus.message(REVENUE, containing="Northwind")).click(WHY) is None
    assert (await gus.message(REVENUE, containing=NOT_FOR_GUESTS)).is_ephemeral


async def test_somebody_of_another_company_reads_nothing(stage: Stage) -> None:
    await stage.install()
    await stage.ada.invite(PARTNERS, stage.bot())
    await stage.sandbox.outbound.settled()
    _, webhook = await stage.add_source()
    form = await stage.destination_form()
    asked = await form.submit({"Name": "Partners", "Channels": [PARTNERS]})
    assert asked.modal is not None
    assert (await asked.modal.submit({"Other companies": ["Let people of other companies read our MRR there"]})).closed
    await stage.move(webhook)
    message = await stage.gina.message(PARTNERS, containing="Northwind")
    assert await message.click(WHY) is None
    told = [one for one in await stage.gina.messages(PARTNERS) if one.is_ephemeral]
    assert [one.words for one in told] == [
        "That belongs to another workspace's Runrate. Use the one in your own workspace."
    ]


async def test_a_signal_says_which_address_led_to_whom(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, OWNER, hire(acme))
    message = await acme.dana.message("@Runrate", containing="Sofia Marín")
    await settled(acme)
    words = (await ask(message)).words
    assert "New hire at Contoso: Sofia Marín" in words
    assert f"dana@acme.com is named as owner of Contoso, and in Slack that address is <@{DANA}>." in words
    assert "You: “Stop signals” in the same menu ends them for you." in words


async def test_a_signal_in_the_fallback_channel_says_why_it_is_there(acme: Stage) -> None:
    modal = await (await acme.home()).click("Fallback channel")
    assert modal is not None
    assert (await modal.submit({"Fallback channel": WINS})).closed
    _, webhook = await acme.add_source()
    await send(acme, webhook, hire(acme))
    message = await acme.dana.message(WINS, containing="Sofia Marín")
    await settled(acme)
    words = (await ask(message)).words
    assert "nobody is named as owner of Contoso; so it was told in the fallback channel." in words


async def test_the_notice_that_a_signal_reached_nobody_says_why_a_manager_gets_it(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, hire(acme))
    message = await acme.ada.message("@Runrate", containing="reached nobody")
    await settled(acme)
    words = (await ask(message)).words
    assert "A signal about Contoso that reached nobody" in words
    assert "Managers hear of that once a day at most" in words


async def test_a_workflow_s_message_says_which_event_brought_it(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT, name="Shop")
    wish = WorkflowWish(name="Orders", event="Order Completed", channel_id=WINS, template="An order")
    async with acme.database.write() as session:
        await workflow.create(session, ACME, wish, by=ADA, now=acme.clock.now())
    call = {"userId": "u", "event": "Order Completed", "messageId": "m", "writeKey": webhook.rsplit("/", 1)[1]}
    await acme.post(f"{acme.url}/v1/track", json.dumps(call).encode(), kind="application/json")
    message = await acme.dana.message(WINS, containing="An order")
    await settled(acme)
    words = (await ask(message)).words
    assert "The event Order Completed" in words
    assert "*“Orders”* posts here when `Order Completed` arrives." in words
    assert "made this workflow on" in words


async def test_the_welcome_and_a_recap_answer_too(acme: Stage) -> None:
    await acme.ada.invite(REVENUE, acme.bot())
    await acme.sandbox.outbound.settled()
    welcome = await acme.dana.message(REVENUE, containing="I can post")
    await settled(acme)
    assert "Somebody invited Runrate to this channel." in (await ask(welcome)).words
    form = await acme.destination_form()
    daily = await form.click("destination_frequency", option="Daily: a recap of the day before")
    assert daily is not None
    assert (await daily.submit({"Name": "Board daily", "Channels": [REVENUE]})).closed
    acme.clock.ahead += timedelta(days=1, hours=1)
    await acme.browser.travel(seconds=1)
    recap = await acme.dana.message(REVENUE, containing="No MRR movements")
    await settled(acme)
    words = (await ask(recap)).words
    assert "Recap, " in words
    assert "*“Board daily”* posts here a recap of the day before." in words


async def test_a_message_whose_first_copy_was_lost_is_known_by_what_it_carries(acme: Stage) -> None:
    """Its answer never came, so that the ledger knows no place of it; the message itself says whose it is."""
    await acme.browser.fault("lose_response", method="chat.postMessage", times=1)
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook)
    message = await acme.ada.message(REVENUE, containing="Northwind")
    assert "Northwind: expansion +$420 MRR" in (await ask(message)).words


async def test_a_message_that_stands_in_no_ledger_is_said_to(acme: Stage) -> None:
    chosen = {"type": "overflow", "action_id": "message_menu", "selected_option": {"value": "why"}}
    assert (await acme.press(chosen, place="message")).status == 200
    assert "finds nothing about this message" in (await acme.ada.modal()).words
    unheard = {**chosen, "selected_option": {"value": "never offered"}}
    assert (await acme.press(unheard, place="message")).status == 200
    said = [one.words for one in await acme.ada.messages(REVENUE) if one.is_ephemeral]
    assert "Nothing was done: this message is from another version of Runrate" in "".join(said)


async def test_what_is_told_to_one_person_offers_to_end_it_and_the_rest_does_not(acme: Stage) -> None:
    await told(acme)
    message = await acme.dana.message(REVENUE, containing="Northwind")
    assert message.buttons == ["Account history", "Mute this account…", "Claim", WHY]
    with pytest.raises(NotPossibleError):
        await message.click("Stop signals")
