"""Recaps as a manager asks for them and as a channel reads them; the clock is turned to their time."""

from datetime import datetime, time, timedelta

import pytest

from bot.sandbox.people import ACME, DANA, REVENUE
from models import delivery, destination, event
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.destination import Destination
from tests.stage import Stage


async def only(stage: Stage) -> Destination:
    async with stage.database.read() as session:
        [found] = await destination.of_workspace(session, ACME)
        return found


async def turn_to(stage: Stage, moment: datetime) -> None:
    """Turn the clock to a moment, and let it tick."""
    await stage.browser.travel(to=moment.isoformat())


async def add_daily(stage: Stage, **choices: object) -> Destination:
    form = await stage.destination_form()
    await form.fill({"Name": "Every day", "Frequency": "Daily: a recap of the day before", "Channels": [REVENUE]})
    result = await form.submit(choices)
    assert result.closed, result.errors or result.error
    return await only(stage)


async def applied(stage: Stage) -> None:
    """Wait until what a source sent is in."""

    async def is_applied() -> bool:
        async with stage.database.read() as session:
            return (await event.count_by_state(session, ACME))["applied"] == 1

    await stage.until(is_applied)


async def test_the_form_asks_for_the_time_of_a_recap_and_keeps_what_was_typed(acme: Stage) -> None:
    form = await acme.destination_form()
    real_time = ["Name", "Frequency", "Channels", "People", "Test"]
    assert form.fields == real_time
    await form.fill({"Name": "Every day", "Frequency": "Daily: a recap of the day before"})
    assert form.fields == ["Name", "Frequency", "Time", "Time zone", "Channels", "People", "Test"]
    assert (form.filled["Name"], form.filled["Channels"]) == ("Every day", [REVENUE])
    assert (form.filled["Time"], form.filled["Time zone"]) == ("09:00", "UTC")
    await form.fill({"Frequency": "Real-time: each movement as it happens"})
    assert form.fields == real_time
    assert (form.filled["Name"], form.filled["Channels"]) == ("Every day", [REVENUE])


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("Berlin", "There is no such time zone. Did you mean Europe/Berlin?"),
        ("amrica/new york", "There is no such time zone. Did you mean America/New_York?"),
        ("<!channel>", "Name a time zone by its region and city, such as Europe/Berlin, or UTC."),
    ],
)
async def test_a_zone_that_does_not_exist_is_refused_under_its_field(acme: Stage, typed: str, sentence: str) -> None:
    form = await acme.destination_form()
    await form.fill({"Name": "Every day", "Frequency": "Weekly: a recap of the week before, from Monday to Sunday"})
    result = await form.submit({"Time zone": typed})
    assert result.errors == {"Time zone": sentence}
    assert form.filled["Time zone"] == typed
    assert (await form.submit({"Time zone": "europe/berlin"})).closed
    assert (await only(acme)).zone == "Europe/Berlin"


async def test_one_s_own_zone_is_said_by_mine(acme: Stage) -> None:
    assert (await add_daily(acme, **{"Time zone": "Mine"})).zone == "Europe/London"


async def test_a_time_that_no_picker_offers_is_refused(acme: Stage) -> None:
    values = {
        "destination_name": {"name": {"type": "plain_text_input", "value": "Every day"}},
        "destination_frequency": {"x": {"type": "static_select", "selected_option": {"value": "daily"}}},
        "destination_at": {"at": {"type": "timepicker", "selected_time": "25:00"}},
        "destination_recipients": {
            "channels": {"type": "multi_conversations_select", "selected_conversations": [REVENUE]}
        },
    }
    blocks = [{"type": "input", "block_id": block_id} for block_id in values]
    answer = await acme.submit({"callback_id": "destination_save", "blocks": blocks, "state": {"values": values}})
    assert answer.json["errors"] == {"destination_at": "Choose a time of day, such as 09:00."}


async def test_a_daily_recap_comes_at_its_time_with_the_day_before(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    made = await add_daily(acme, **{"Time": "08:30", "Time zone": "Europe/Berlin"})
    assert (made.at, made.zone) == (time(8, 30), "Europe/Berlin")
    home = await acme.ada.home(containing="Every day")
    told = f"*Every day* · Daily at 08:30 Europe/Berlin to <#{REVENUE}>"
    listed = await acme.ada.run("/mrr list", channel=REVENUE)
    assert f"{told}\nNothing sent yet · next: <!date^" in home.words
    assert f"{told}\nNothing sent yet · next: <!date^" in listed.words

    assert made.next_run_at is not None
    await turn_to(acme, made.next_run_at + timedelta(hours=4))  # the first one, which tells of the day before today
    first = await acme.ada.message(REVENUE, containing="No MRR movements on")
    day = acme.clock.now()
    await acme.move(webhook, kind="new_business", mrr_before_minor=0, occurred_at=day.isoformat())

    await applied(acme)  # The recap tells of what is known when its time comes.
    await turn_to(acme, made.next_run_at + timedelta(days=1))
    second = await acme.ada.message(REVENUE, containing="+$420")
    assert second["text"] == f"MRR, {day:%A} {day.day} {day:%B}: +$420 net → $420"
    assert "*Largest gains*\n+$420  Northwind" in second.words
    assert [one["ts"] for one in await acme.ada.messages(REVENUE) if one.author == first.author][-2:] == [
        first["ts"],
        second["ts"],
    ]


async def test_a_source_that_is_connected_later_corrects_what_was_told_without_it(acme: Stage) -> None:
    made = await add_daily(acme)
    assert made.next_run_at is not None
    await turn_to(acme, made.next_run_at)
    told = await acme.ada.message(REVENUE, containing="No MRR movements on")
    _, webhook = await acme.add_source()
    day = made.next_run_at - timedelta(hours=25)
    await acme.move(webhook, kind="new_business", mrr_before_minor=0, occurred_at=day.isoformat())
    await applied(acme)
    await turn_to(acme, acme.clock.now() + timedelta(minutes=2))
    corrected = await acme.ada.message(REVENUE, containing="history came in.")
    assert corrected["text"] == f"MRR, {day:%A} {day.day} {day:%B}: +$420 net → $420"
    assert corrected["ts"] == told["ts"]


async def test_after_five_days_away_the_newest_comes_late_and_the_others_are_stale(acme: Stage) -> None:
    made = await add_daily(acme)
    assert made.next_run_at is not None
    await turn_to(acme, made.next_run_at + timedelta(days=4, hours=5))
    message = await acme.ada.message(REVENUE, containing="late: due")
    assert message["text"].endswith("(late)")
    async with acme.database.read() as session:
        rows = list(reversed(await delivery.of_workspace(session, ACME)))
    assert [row.reason for row in rows] == [SkipReason.STALE] * 4 + [None]
    assert await acme.called("chat.postMessage") == 1


async def test_editing_shows_the_time_and_keeps_what_the_other_frequency_asks_for(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    account = {"external_id": "n", "name": "Northwind", "attributes": {"country": "Germany"}}
    await acme.move(webhook, account=account)

    async def is_known() -> bool:
        return "Attributes to show" in (await acme.destination_form(more=True)).fields

    await acme.until(is_known)
    form = await acme.destination_form(more=True)
    assert (await form.submit({"Name": "Each", "Attributes to show": ["Country"]})).closed
    await (await acme.home()).click("Edit", near="Each")
    form = await acme.ada.modal()
    await form.fill({"Frequency": "Monthly: a recap of the month before", "Time": "18:00"})
    assert "Attributes to show" not in form.fields
    business = {"Day": "The last day", "Business days": ["On business days only"]}
    refused = await form.submit({**business, "Holidays": "Germoney"})
    assert refused.errors == {"Holidays": "No holidays are known there. Did you mean Germany?"}
    assert (await form.submit({"Holidays": "germany"})).closed
    home = await acme.ada.home(
        containing="Monthly, on the last day, or the next business day (Germany) at 18:00 UTC to"
    )
    await home.click("Edit", near="Each")
    form = await acme.ada.modal()
    assert (form.filled["Time"], form.filled["Time zone"], form.filled["Holidays"]) == ("18:00", "UTC", "Germany")
    await form.fill({"Frequency": "Real-time: each movement as it happens"})
    assert [one["value"] for one in form.filled["Attributes to show"]] == ["country"]
    assert (await form.submit()).closed
    found = await only(acme)
    assert (found.attributes, found.at, found.next_run_at) == (["country"], time(18), None)


async def test_what_is_owed_is_skipped_when_another_frequency_is_chosen(acme: Stage) -> None:
    made = await add_daily(acme)
    assert made.next_run_at is not None
    await acme.browser.fault("error", method="chat.postMessage", code="is_archived")
    await turn_to(acme, made.next_run_at)

    async def recaps() -> list[Delivery]:
        async with acme.database.read() as session:
            return [one for one in await delivery.of_workspace(session, ACME) if one.fact_kind == FactKind.RECAP]

    async def is_refused() -> bool:
        return [one.state for one in await recaps()] == [DeliveryState.RETRYING]

    await acme.until(is_refused)
    await (await acme.home()).click("Edit", near="Every day")
    form = await acme.ada.modal()
    assert (await form.submit({"Frequency": "Real-time: each movement as it happens"})).closed

    async def is_skipped() -> bool:
        return [(one.state, one.reason) for one in await recaps()] == [(DeliveryState.SKIPPED, SkipReason.DELETED)]

    # What is being tried just then can't be called back; refused once more, it isn't tried again.
    await acme.until(is_skipped, seconds=60)


async def test_a_manager_sends_the_last_recap_now_and_anybody_else_is_told_whom_to_ask(acme: Stage) -> None:
    made = await add_daily(acme)
    details = await (await acme.home()).click("Details", near="Every day")
    assert details is not None
    sent = await details.click("Send now")
    assert sent is not None
    assert "The recap of “Every day” is on its way. The next one comes at its time all the same." in sent.words
    told = await acme.ada.message(REVENUE, containing="No MRR movements on")
    assert "Ada Okafor asked for this now · to <#C0REVENUE> by “Every day” · next: <!date^" in told.words
    assert (await only(acme)).next_run_at == made.next_run_at
    assert (await acme.press({"action_id": "recap_send_now", "value": made.id}, user=DANA)).status == 200
    assert "is on its way" not in (await acme.dana.modal()).words
