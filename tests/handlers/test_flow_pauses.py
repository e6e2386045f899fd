"""Pausing a destination and resuming it, from the Home tab, from the list and by typing."""

from datetime import timedelta

import pytest

from bot.sandbox.people import ACME, ADA, REVENUE
from models import audit, delivery, destination, person
from models.delivery import DeliveryState, SkipReason
from models.destination import Destination
from models.schedule import NINE, instant
from tests.stage import Stage

HOW_LONG = "For how long?"


async def only(stage: Stage) -> Destination:
    async with stage.database.read() as session:
        [found] = await destination.of_workspace(session, ACME)
        return found


async def pause(stage: Stage, how_long: str = "Until somebody resumes it", name: str = "Every movement") -> None:
    question = await (await stage.home()).click("Pause", near=name)
    assert question is not None
    assert (await question.submit({HOW_LONG: how_long})).closed


async def ledger(stage: Stage) -> list[tuple[str, str | None]]:
    """Say what became of what was owed to #revenue."""
    async with stage.database.read() as session:
        owed = [one for one in await delivery.of_workspace(session, ACME) if one.target == REVENUE]
    return [(one.state, one.reason) for one in reversed(owed)]


async def settled(stage: Stage, number: int) -> None:
    """Wait until so many deliveries are settled."""

    async def look() -> bool:
        return [state in {"delivered", "skipped"} for state, _ in await ledger(stage)] == [True] * number

    await stage.until(look)


async def test_a_destination_is_paused_and_resumed_from_its_menu_and_the_ledger_says_so(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    question = await (await acme.home()).click("Pause", near="Every movement")
    assert question is not None
    assert f"*Every movement* posts nothing to <#{REVENUE}> meanwhile." in question.words
    assert (await question.submit({HOW_LONG: "1 week"})).closed

    home = await acme.ada.home(containing="*Paused until <!date^")
    assert home.buttons.count("Pause") == 1, "the source's"
    await acme.move(webhook, "Northwind")
    await settled(acme, 1)
    assert "*Paused until <!date^" in (await acme.dana.run("/mrr list", channel=REVENUE)).words
    assert "*Paused until <!date^" in (await acme.home(acme.dana)).words
    counted = await acme.ada.run("/mrr deliveries", channel=REVENUE)
    assert "1 not sent (1 paused)" in counted.words

    await home.click("Resume", near="Every movement")
    assert "Paused" not in (await acme.home()).words
    await acme.move(webhook, "Contoso")
    await acme.ada.message(REVENUE, containing="Contoso")
    await settled(acme, 2)
    assert await ledger(acme) == [(DeliveryState.SKIPPED, SkipReason.PAUSED), (DeliveryState.DELIVERED, None)]
    assert await acme.called("chat.postMessage") == 1
    async with acme.database.read() as session:
        done = [(one.action, one.actor) for one in (await audit.of_workspace(session, ACME))[:2]]
    assert done == [("destination.resumed", ADA), ("destination.paused", ADA)]


async def test_what_waited_when_it_was_paused_is_not_sent_and_the_question_says_how_much(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.browser.fault("limit", method="chat.postMessage", retry_after=600)
    await acme.move(webhook)

    async def waits() -> bool:
        return [state for state, _ in await ledger(acme)] == ["retrying"]

    await acme.until(waits)
    question = await (await acme.home()).click("Pause", near="Every movement")
    assert question is not None
    assert "The 1 update still waiting is not sent." in question.words
    assert (await question.submit({HOW_LONG: "1 day"})).closed
    assert await ledger(acme) == [(DeliveryState.SKIPPED, SkipReason.PAUSED)]


async def test_a_day_of_one_s_own_begins_where_one_lives_and_lies_ahead(acme: Stage) -> None:
    await acme.add_destination()
    question = await (await acme.home()).click("Pause", near="Every movement")
    assert question is not None
    await question.fill({HOW_LONG: "Until a day of my choice"})
    assert question.fields == [HOW_LONG, "Until"]
    for wrong in ("2020-01-01", f"{acme.clock.now():%Y-%m-%d}"):
        result = await question.submit({"Until": wrong})
        assert result.errors == {"Until": "Choose a day from tomorrow on."}
        assert question.filled["Until"] == wrong
    assert (await question.submit({"Until": "9999-12-31"})).errors == {
        "Until": "Choose a day within a year, or pause it until you resume it."
    }
    day = (acme.clock.now() + timedelta(days=9)).date()
    assert (await question.submit({"Until": day.isoformat()})).closed
    async with acme.database.read() as session:
        visiting = await person.get(session, ACME, ADA)
    assert visiting is not None
    assert (await only(acme)).paused_until == instant(day, NINE.replace(hour=0), visiting.time_zone)


@pytest.mark.parametrize("until", ["", "0001-01-01", "tomorrow", "2026-02-30"])
async def test_a_day_that_no_picker_offers_is_refused_under_its_field(acme: Stage, until: str) -> None:
    await acme.add_destination()
    values = {
        "pause_length": {"pause_length": {"type": "radio_buttons", "selected_option": {"value": "date"}}},
        "pause_until": {"until": {"type": "datepicker", "selected_date": until}},
    }
    view = {"callback_id": "destination_pause", "private_metadata": (await only(acme)).id, "state": {"values": values}}
    answer = await acme.submit(view)
    assert answer.json["errors"] == {"pause_until": "Choose a day from tomorrow on."}
    assert (await only(acme)).paused_at is None


async def test_it_is_paused_resumed_and_edited_by_its_name(acme: Stage) -> None:
    await acme.add_destination("R&D <daily>")
    await acme.add_destination("Wins")
    asked = await acme.ada.run("/mrr pause r&d <DAILY>", channel=REVENUE)
    assert asked.modal is not None
    assert asked.modal.title == "Pause destination"
    assert (await asked.modal.submit()).closed
    form = (await acme.ada.run("/mrr edit R&D <daily>", channel=REVENUE)).modal
    assert form is not None
    assert form.filled["Name"] == "R&D <daily>"
    await form.close()
    for answer in ("posts again from now on.", "isn't paused."):
        resumed = await acme.ada.run("/mrr resume “R&D <daily>”", channel=REVENUE)
        assert resumed.words == f"“R&amp;D &lt;daily&gt;” {answer}"
        assert resumed.message is not None
        assert resumed.message.is_ephemeral


async def test_what_names_no_destination_is_answered_with_advice(acme: Stage) -> None:
    for typed, words in (
        ("/mrr pause", "There is no destination yet. Make one with /mrr new."),
        ("/mrr pause wnis", "There is no destination “wnis”. See which there are with /mrr list."),
    ):
        assert (await acme.ada.run(typed, channel=REVENUE)).words == words
    await acme.add_destination("Wins")
    alone = (await acme.ada.run("/mrr edit", channel=REVENUE)).modal
    assert alone is not None
    await alone.close()
    await acme.add_destination("All")
    for typed, words in (
        ("/mrr pause", "Say which one: /mrr pause NAME, such as /mrr pause All"),
        ("/mrr RESUME wnis", "There is no destination “wnis”. Did you mean “Wins”?"),
        ("/mrr pause <!channel>", "There is no destination “&lt;!channel&gt;”. See which there are with /mrr list."),
    ):
        answered = await acme.ada.run(typed, channel=REVENUE)
        assert (answered.words, answered.modal) == (words, None)
    refused = await acme.dana.run("/mrr pause Wins", channel=REVENUE)
    assert refused.words == f"Only managers can change this. Ask <@{ADA}> or a Slack admin."


async def test_a_manager_s_list_has_the_menu_and_shows_what_came_of_it(acme: Stage) -> None:
    await acme.add_destination()
    listed = (await acme.ada.run("/mrr list", channel=REVENUE)).message
    assert listed is not None
    assert listed.buttons == ["Edit", "Pause", "Send a test", "Details", "Delete"]
    question = await listed.click("Pause", near="Every movement")
    assert question is not None
    assert (await question.submit()).closed
    listed = (await acme.ada.run("/mrr list", channel=REVENUE)).message
    assert listed is not None
    assert listed.buttons == ["Resume", "Edit", "Send a test", "Details", "Delete"]
    await listed.click("Resume", near="Every movement")
    assert (await only(acme)).paused_at is None
    shown = (await acme.ada.messages(REVENUE))[-1]
    assert "Paused" not in shown.words
    assert shown.buttons == ["Edit", "Pause", "Send a test", "Details", "Delete"]


async def test_a_destination_deleted_meanwhile_can_t_be_paused(acme: Stage) -> None:
    await acme.add_destination()
    question = await (await acme.home()).click("Pause", near="Every movement")
    assert question is not None
    async with acme.database.write() as session:
        [found] = await destination.of_workspace(session, ACME)
        await destination.remove(session, found, by=ADA, now=acme.clock.now())
    result = await question.submit()
    assert "There is no such destination" in str(result.errors)


async def test_editing_a_paused_destination_leaves_it_paused(acme: Stage) -> None:
    await acme.add_destination()
    await pause(acme)
    form = await (await acme.home()).click("Edit", near="Every movement")
    assert form is not None
    assert (await form.submit({"Name": "Wins"})).closed
    assert "*Paused until it is resumed*" in (await acme.home()).words
