"""The form of a destination: what it keeps, what it shows before it is saved, and two people who save at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.sandbox.people import ACME, ADA, DANA, REVENUE, WINS
from bot.sandbox.person import Message, Modal
from models import attribute, delivery, destination, draft, movement, recipient
from models.delivery import Delivery, DeliveryState, FactKind
from models.destination import Destination
from tests import seeds
from tests.stage import Stage, both_engines

DAILY = "Daily: a recap of the day before"
REAL_TIME = "Real-time: each movement as it happens"
SENT = "*On its way to you alone*, in Runrate's messages, as it would be posted."


async def destinations(stage: Stage) -> list[Destination]:
    async with stage.database.read() as session:
        return await destination.of_workspace(session, ACME)


async def edited(stage: Stage) -> Modal:
    form = await (await stage.home()).click("Edit", near="Every movement")
    assert form is not None
    return form


async def show_me(form: Modal) -> str:
    """Press the button, and give what the form says then."""
    again = await form.click("Send me this")
    assert again is not None
    return again.words


async def previews(stage: Stage) -> list[Delivery]:
    async with stage.database.read() as session:
        return [one for one in await delivery.of_workspace(session, ACME) if one.fact_kind == FactKind.DRAFT]


async def preview(stage: Stage, containing: str) -> Message:
    return await stage.ada.message("@Runrate", containing=containing)


async def test_what_another_frequency_does_not_ask_for_is_there_again_when_one_comes_back(acme: Stage) -> None:
    form = await acme.destination_form(more=True)
    choices = {"Minimum gain": "5 hundred", "Movements": ["✕ Churn"], "Mention": "CSM", "Numbers and money": "de_DE"}
    await form.fill({"Name": "Both", **choices, "Changes of one account": "In a thread for each account"})
    await form.fill({"Frequency": DAILY})
    assert "Minimum gain" not in form.fields
    await form.fill({"Time": "18:00", "When nothing moved": "Post nothing", "Time zone": "Europe/Berlin"})
    assert "The next recap is due" in form.words
    await form.fill({"Time zone": "Nowhere"})
    assert "When the next recap is due can't be said yet. Time zone: Name a time zone by its region" in form.words
    await form.fill({"Frequency": REAL_TIME})
    assert form.filled["Minimum gain"] == "5 hundred"
    chosen = {
        label: form.filled[label]["value"] for label in ("Mention", "Numbers and money", "Changes of one account")
    }
    assert chosen == {"Mention": "csm", "Numbers and money": "de_DE", "Changes of one account": "threads"}
    await form.fill({"Frequency": DAILY})
    assert (form.filled["Time"], form.filled["Time zone"]) == ("18:00", "Nowhere")
    assert (await form.submit({"Time zone": "Europe/Berlin"})).closed
    [made] = await destinations(acme)
    assert (made.name, made.zone, made.locale, made.tells_empty) == ("Both", "Europe/Berlin", "de_DE", False)
    assert (made.kinds, made.mentions) == (list(seeds.wish("C1").filter.kinds), None)


async def test_what_is_pressed_while_an_answer_is_slow_is_not_lost(acme: Stage) -> None:
    form = await acme.destination_form()
    async with slow_answer(acme):
        slow = asyncio.create_task(form.click("More options"))
        await acme.until(lambda: is_under_way(acme))
        again = await acme.ada.modal()
        await asyncio.gather(again.fill({"People": [DANA]}), slow)
    form = await acme.ada.modal()
    await form.fill({"Name": "Quick", "Minimum loss": "700"})
    async with slow_answer(acme):
        slow = asyncio.create_task(form.fill({"Minimum gain": "many"}))
        await acme.until(lambda: is_under_way(acme))
        again = await acme.ada.modal()
        await asyncio.gather(again.fill({"Minimum gain": "500"}), slow)
    assert "Minimum gain: Write a whole amount" not in (await acme.ada.modal()).words
    form = await acme.ada.modal()
    async with slow_answer(acme):
        slow = asyncio.create_task(form.fill({"Frequency": DAILY}))
        await acme.until(lambda: is_under_way(acme))
        again = await acme.ada.modal()
        await asyncio.gather(again.fill({"Minimum gain": "900"}), slow)
    form = await acme.ada.modal()
    assert "The next recap is due" in form.words
    await form.fill({"Frequency": REAL_TIME})
    assert (form.filled["Minimum gain"], form.filled["Minimum loss"]) == ("900", "700")


async def test_what_opened_the_form_wide_holds_for_whoever_asks_to_be_shown_it_at_once(acme: Stage) -> None:
    form = await acme.destination_form()
    async with slow_answer(acme):
        slow = asyncio.create_task(form.click("More options"))
        await acme.until(lambda: is_under_way(acme))
        await asyncio.gather((await acme.ada.modal()).click("Send me this"), slow)
    assert "Minimum gain" in (await acme.ada.modal()).filled


@asynccontextmanager
async def slow_answer(stage: Stage) -> AsyncIterator[None]:
    """Let Slack be slow to take the next drawing."""
    await stage.browser.fault("delay", method="views.update", times=1, seconds=0.3)
    yield
    await stage.browser.clear_faults()


async def is_under_way(stage: Stage) -> bool:
    return stage.sandbox.faults.in_force() == []


async def test_a_destination_that_uses_more_opens_with_it(acme: Stage) -> None:
    form = await acme.destination_form(more=True)
    choices = {"Changes of one account": "Together, when within 15 minutes", "Mention": "Owner"}
    assert (await form.submit({"Name": "Every movement", **choices})).closed
    [made] = await destinations(acme)
    assert (made.group_minutes, made.has_threads, made.mentions, made.locale) == (15, False, "owner", None)
    form = await edited(acme)
    assert "More options" not in form.buttons
    assert form.filled["Changes of one account"]["value"] == "15"
    assert (await form.submit({"Changes of one account": "Each in a message of its own", "Mention": "Nobody"})).closed
    assert "More options" in (await edited(acme)).buttons


@both_engines
async def test_send_me_this_shows_the_newest_movement_that_passes_to_nobody_else(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    account = {"external_id": "n", "name": "Northwind", "attributes": {"country": "Germany"}}
    await acme.move(webhook, "Northwind", amount_minor=900_00, account=account)
    await acme.move(webhook, "Small", amount_minor=1_00)

    async def are_applied() -> bool:
        async with acme.database.read() as session:
            return await movement.count(session, ACME) == 2

    await acme.until(are_applied)
    form = await acme.destination_form(more=True)
    await form.fill({"Minimum gain": "many"})
    assert "*Nothing was sent.* Minimum gain: Write a whole amount" in await show_me(form)
    assert (await acme.ada.modal()).filled["Minimum gain"] == "many"
    form = await acme.ada.modal()
    await form.fill({"Minimum gain": "500", "Attributes to show": ["Country"], "Channels": [WINS, REVENUE]})
    assert SENT in await show_me(form)
    seen = await preview(acme, "Northwind")
    assert "*Preview of “New destination”*, seen by you alone." in seen.words
    assert "+$900" in seen.words
    assert "Germany" in seen.words
    assert f"to <#{WINS}> by “New destination”" in seen.words
    assert seen.buttons == ["Why did I get this?"]
    form = await acme.ada.modal()
    await form.fill({"Minimum gain": "", "Numbers and money": "de_DE"})
    await show_me(form)
    assert "+1\u00a0$ MRR" in (await preview(acme, "Small")).words
    await (await acme.ada.modal()).fill({"Of another account": "Northwind"})
    await preview(acme, "+900\u00a0$ MRR")

    async def are_delivered() -> bool:
        rows = await previews(acme)
        return [(one.state, one.target) for one in rows] == [(DeliveryState.DELIVERED, ADA)] * 3

    await acme.until(are_delivered)
    form = await acme.destination_form(more=True)
    await form.fill({"Minimum gain": "5000"})
    assert "None of the newest movements would be told" in await show_me(form)
    assert await destinations(acme) == []
    assert len(await previews(acme)) == 3
    why = await seen.click("Why did I get this?")
    assert why is not None
    assert "You pressed “Send me this” in the form of a destination. Nobody else got it." in why.words
    assert [one for one in await acme.dana.messages(WINS) if "Northwind" in one.words] == []


async def test_send_me_this_shows_the_last_whole_period_of_a_recap(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form()
    await form.fill({"Name": "Each day", "Frequency": DAILY})
    assert SENT in await show_me(form)
    assert "No MRR movements on" in (await preview(acme, "Each day")).words

    yesterday = acme.clock.now().timestamp() - 86_400
    await acme.move(webhook, "Northwind", occurred_at=int(yesterday))
    form = await acme.destination_form(more=True)
    await form.fill({"Name": "Yesterday", "Frequency": DAILY})

    async def is_told() -> bool:
        await show_me(await acme.ada.modal())
        return any("Northwind" in one.words for one in await acme.ada.messages("@Runrate"))

    await acme.until(is_told)
    seen = await preview(acme, "Northwind")
    assert (seen.buttons, "/recaps/" in str(seen)) == (["Why did I get this?"], False)
    assert "+$420" in seen.words


async def test_a_preview_is_forgotten_after_a_day(acme: Stage) -> None:
    now = acme.clock.now()
    async with acme.database.write() as session:
        old = await draft.keep(session, ACME, {}, now=now - draft.KEPT - draft.KEPT)
        new = await draft.keep(session, ACME, {}, now=now)
        await draft.forget_old(session, now=now)
    async with acme.database.read() as session:
        assert await draft.content(session, ACME, old) is None
        assert await draft.content(session, ACME, new) == {}


async def test_a_test_is_posted_once_a_new_destination_is_saved_where_that_is_wished(acme: Stage) -> None:
    form = await acme.destination_form()
    assert (await form.submit({"Name": "Every movement", "Test": ["yes"]})).closed
    await acme.dana.message(REVENUE, containing="*Test of “Every movement”*: it can post here.")
    assert "Test" not in (await edited(acme)).fields


@both_engines
@pytest.mark.parametrize("sends_the_same", [True, False])
async def test_a_form_that_is_submitted_twice_is_saved_once(acme: Stage, *, sends_the_same: bool) -> None:
    """Where Slack sends it again; two forms that look alike are two people's, and one of them is told."""
    await acme.ada.invite(REVENUE, acme.bot())
    await acme.ada.message(REVENUE, containing="I can post your MRR")
    await acme.ada.run("/mrr list", channel=REVENUE)
    form = await acme.destination_form()
    view = submission(form, name="Every movement")
    ids = [form["id"], form["id"] if sends_the_same else "VANOTHER"]
    answers = await asyncio.gather(*(acme.submit({**view, "id": view_id}) for view_id in ids))
    assert sorted(bool(answer.text) for answer in answers) == [False, not sends_the_same]
    assert len(await destinations(acme)) == 1


@both_engines
async def test_of_two_who_save_a_destination_at_once_the_later_is_asked(acme: Stage) -> None:
    await acme.add_destination()
    await acme.ada.run("/mrr list", channel=REVENUE)
    views = [submission(await edited(acme), name=name) for name in ("Mine", "Theirs")]
    answers = await asyncio.gather(*(acme.submit(view) for view in views))
    [asked] = [answer.json["view"] for answer in answers if answer.text]
    said = "*<@U0ADA> changed this destination* after you opened the form, and nothing of yours is saved yet."
    assert said in str(asked)
    [kept] = await destinations(acme)
    name = asked["blocks"][1]["element"]["initial_value"]
    assert {kept.name, name} == {"Mine", "Theirs"}
    # Who saves again has seen that.
    mark = asked["private_metadata"]
    again = next(view for view in views if name in str(view["state"])) | {"private_metadata": mark}
    assert (await acme.submit(again)).text == ""
    assert [one.name for one in await destinations(acme)] == [name]


async def test_a_form_that_nobody_overtook_is_not_asked_about(acme: Stage) -> None:
    """A pause isn't in the form, and nor is what was saved as it was."""
    await acme.add_destination()
    form = await edited(acme)
    async with acme.database.write() as session:
        [found] = await destination.of_workspace(session, ACME)
        await destination.pause(session, found, until=None, by=ADA, now=acme.clock.now())
        await recipient.replace(session, ACME, found.id, [("channel", REVENUE)])  # type: ignore[list-item]
    assert (await form.submit({"Name": "Mine"})).closed


def submission(form: Modal, *, name: str) -> dict[str, Any]:
    """Give a form as Slack submits it, with a name."""
    view = {key: form[key] for key in ("blocks", "state", "callback_id", "private_metadata") if key in form}
    view["state"]["values"]["destination_name"]["name"]["value"] = name
    return view


async def test_a_thousand_attributes_are_searched_and_the_chosen_ones_stay(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    for first in range(0, 1000, 200):
        values = {f"key {number:03}": number for number in range(first, first + 200)}
        await acme.move(webhook, account={"external_id": "n", "name": "Northwind", "attributes": values})

    async def are_known() -> bool:
        async with acme.database.read() as session:
            return len(await attribute.keys(session, ACME)) == 1000

    await acme.until(are_known)
    form = await acme.destination_form(more=True)
    assert (await form.submit({"Name": "Every movement", "Attributes to show": ["Key 999", "Key 001"]})).closed
    form = await edited(acme)
    assert [one["value"] for one in form.filled["Attributes to show"]] == ["key 999", "key 001"]
    assert (await form.submit({"Name": "Wins"})).closed
    assert [one.attributes for one in await destinations(acme)] == [["key 999", "key 001"]]
