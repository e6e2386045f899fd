"""Recaps are made at their time, each once, however many clocks tick and however long nobody was there."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.sandbox.records import Shown
from models import delivery, destination, installation
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind, SkipReason
from models.destination import Destination
from models.recap import Recap
from models.wish import Frequency
from scheduler.dispatch import AS_TEXT, ONLY_TEXT, Dispatcher
from scheduler.messages.message import CHART, PICTURE, TABLE
from scheduler.recap import make_due
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import ADDRESS, REVENUE, WINS, Sending

DAILY, WEEKLY, MONTHLY = Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY
MONDAY = NOW
"""Monday 16 November 2026, 09:00 UTC."""


async def recaps(database: Database) -> list[Recap]:
    async with database.read() as session:
        return list(await session.scalars(select(Recap).order_by(Recap.first)))


async def owed(database: Database) -> list[Delivery]:
    async with database.read() as session:
        return sorted(await delivery.of_workspace(session, ACME), key=lambda one: one.id)


async def asking(database: Database, *channels: str, frequency: Frequency = DAILY, **fields: Any) -> Destination:
    await seeds.install(database)
    return await seeds.add_destination(database, *channels or ("C1",), frequency=frequency, **fields)


async def next_run(database: Database, destination_id: str) -> datetime | None:
    async with database.read() as session:
        return (await destination.get(session, ACME, destination_id)).next_run_at


@pytest.mark.parametrize(
    ("frequency", "next_run_at"),
    [
        (Frequency.REAL_TIME, None),
        (DAILY, MONDAY + timedelta(days=1)),
        (WEEKLY, MONDAY + timedelta(days=7)),
        (MONTHLY, datetime(2026, 12, 1, 9, tzinfo=UTC)),
    ],
)
async def test_a_new_destination_waits_for_its_first_time(
    database: Database, frequency: Frequency, next_run_at: datetime | None
) -> None:
    made = await asking(database, frequency=frequency)
    assert made.next_run_at == next_run_at
    assert await make_due(database, now=NOW) == 0


async def test_at_its_time_the_recap_is_owed_to_every_recipient(database: Database) -> None:
    made = await asking(database, "C1", "C2")
    due = MONDAY + timedelta(days=1)
    assert await make_due(database, now=due - timedelta(seconds=1)) == 0
    assert await make_due(database, now=due) == 1
    assert await make_due(database, now=due) == 0
    [one] = await recaps(database)
    assert (one.first.isoformat(), one.end.isoformat(), one.due_at) == ("2026-11-16", "2026-11-17", due)
    assert [(row.fact_kind, row.fact_id, row.target, row.state) for row in await owed(database)] == [
        (FactKind.RECAP, one.id, "C1", DeliveryState.PENDING),
        (FactKind.RECAP, one.id, "C2", DeliveryState.PENDING),
    ]
    assert await next_run(database, made.id) == due + timedelta(days=1)


async def test_after_five_days_down_the_newest_is_owed_and_the_others_are_stale(database: Database) -> None:
    """Test 26: downtime across a due time: of what was missed the newest is told, the others are skipped."""
    made = await asking(database)
    now = MONDAY + timedelta(days=5, hours=3)
    assert await make_due(database, now=now) == 1
    assert [one.first.day for one in await recaps(database)] == [16, 17, 18, 19, 20]
    rows = await owed(database)
    assert [row.state for row in rows] == [DeliveryState.SKIPPED] * 4 + [DeliveryState.PENDING]
    assert [row.reason for row in rows] == [SkipReason.STALE] * 4 + [None]
    assert await next_run(database, made.id) == MONDAY + timedelta(days=6)


async def test_any_number_of_clocks_make_one_recap(database: Database, database_url: str) -> None:
    await asking(database, "C1", "C2", "C3")
    others = [Database(database_url) for _ in range(3)]
    try:
        ticks = [make_due(one, now=MONDAY + timedelta(days=3)) for one in (database, *others) for _ in range(3)]
        assert sum(await asyncio.gather(*ticks)) == 1
    finally:
        for one in others:
            await one.close()
    assert len(await recaps(database)) == 3
    assert len(await owed(database)) == 9


async def test_a_run_that_is_turned_back_makes_nothing_again(database: Database) -> None:
    """What holds where the row's own moving on does not: the period is unique, and so are its deliveries."""
    made = await asking(database)
    due = MONDAY + timedelta(days=1)
    await make_due(database, now=due)
    async with database.write() as session:
        (await destination.get(session, ACME, made.id)).next_run_at = due
    assert await make_due(database, now=due) == 1
    assert len(await recaps(database)) == len(await owed(database)) == 1


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])
@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_each_local_day_of_a_year_is_told_once_and_they_join(database: Database, zone: str) -> None:
    await asking(database, zone=zone, at=time(2, 30))
    now = MONDAY
    for _ in range(37):
        now += timedelta(days=9, hours=23, minutes=7)
        await make_due(database, now=now)
    told = await recaps(database)
    assert [one.first for one in told] == [told[0].first + timedelta(days=n) for n in range(len(told))]
    assert len(told) >= 360
    assert [one.ends_at for one in told[:-1]] == [one.starts_at for one in told[1:]]


async def test_an_uninstalled_workspace_waits_and_hears_the_newest_when_it_is_back(database: Database) -> None:
    await asking(database)
    async with database.write() as session:
        await installation.revoke(session, ACME, because="app_uninstalled", now=NOW)
    assert await make_due(database, now=MONDAY + timedelta(days=3)) == 0
    await seeds.install(database, now=MONDAY + timedelta(days=3))
    assert await make_due(database, now=MONDAY + timedelta(days=3)) == 1
    assert [row.state for row in await owed(database)] == [DeliveryState.SKIPPED] * 2 + [DeliveryState.PENDING]


async def test_a_deleted_destination_makes_none_and_what_it_owed_is_skipped(database: Database) -> None:
    made = await asking(database)
    await make_due(database, now=MONDAY + timedelta(days=1))
    async with database.write() as session:
        found = await destination.get(session, ACME, made.id)
        assert await destination.remove(session, found, by="U0ADA", now=NOW) == 1
    assert await make_due(database, now=MONDAY + timedelta(days=3)) == 0
    [row] = await owed(database)
    assert (row.state, row.reason) == (DeliveryState.SKIPPED, SkipReason.DELETED)


@pytest.mark.parametrize(
    ("changes", "next_run_at", "state"),
    [
        ({"frequency": DAILY, "name": "Renamed"}, MONDAY + timedelta(days=2), DeliveryState.PENDING),
        ({"frequency": DAILY, "at": time(18)}, MONDAY + timedelta(days=1, hours=9), DeliveryState.PENDING),
        ({"frequency": DAILY, "zone": "Europe/Berlin"}, MONDAY + timedelta(days=1, hours=23), DeliveryState.PENDING),
        ({"frequency": WEEKLY}, MONDAY + timedelta(days=7), DeliveryState.SKIPPED),
        ({"frequency": Frequency.REAL_TIME}, None, DeliveryState.SKIPPED),
    ],
)
async def test_an_edit_counts_from_now_on(
    database: Database, changes: dict[str, Any], next_run_at: datetime | None, state: DeliveryState
) -> None:
    made = await asking(database)
    now = MONDAY + timedelta(days=1)
    await make_due(database, now=now)
    async with database.write() as session:
        found = await destination.get(session, ACME, made.id)
        await destination.edit(session, found, seeds.wish("C1", **changes), by="U0ADA", now=now)
    assert await next_run(database, made.id) == next_run_at
    [row] = await owed(database)
    assert row.state == state


async def test_one_that_cannot_be_made_stays_due_and_holds_up_no_other(database: Database) -> None:
    broken = await asking(database, name="Broken")
    whole = await seeds.add_destination(database, "C1", frequency=DAILY, name="Whole")
    async with database.write() as session:
        (await destination.get(session, ACME, broken.id)).zone = "Atlantis/Capital"
    due = MONDAY + timedelta(days=1)
    assert await make_due(database, now=due) == 1
    assert [one.destination_id for one in await recaps(database)] == [whole.id]
    assert await next_run(database, broken.id) == due


# --- from the recap to its message -----------------------------------------------------------------------------------


async def ready(line: Sending, *channels: str, **fields: Any) -> Destination:
    await line.install()
    await line.let_in(*channels or (REVENUE,))
    return await line.destination(*channels or (REVENUE,), frequency=DAILY, **fields)


async def tick(line: Sending, sends: Dispatcher | None = None, **ahead: float) -> None:
    line.clock.turn(timedelta(**ahead).total_seconds())
    await make_due(line.database, now=line.clock.now())
    await line.drain(sends)


async def test_a_recap_is_posted_and_a_movement_is_not(line: Sending) -> None:
    await ready(line)
    await line.move(kind="new_business")
    await line.drain()
    assert line.messages() == []
    await tick(line, days=1)
    [posted] = line.messages()
    assert posted.text == "MRR, Monday 16 November: +$100 net → $100"
    assert [block["type"] for block in posted.blocks or ()][1] == "data_visualization"


async def test_a_real_time_destination_gets_no_recap(line: Sending) -> None:
    await line.ready()
    await tick(line, days=9)
    assert line.messages() == []


async def test_what_was_missed_is_not_posted_and_the_newest_says_that_it_is_late(line: Sending) -> None:
    """Test 26: it fires once with a “late” mark, and never twice, however often whoever was down comes back."""
    await ready(line)
    await tick(line, days=5, hours=3)
    for _ in range(2):
        await tick(line, line.dispatcher("another"), minutes=1)
    [posted] = line.messages()
    assert posted.text == "No MRR movements on Friday 20 November. (late)"
    assert "late: due <!date^" in (posted.blocks or [])[-1]["elements"][0]["text"]


async def test_of_several_that_wait_only_the_newest_is_posted(line: Sending) -> None:
    """The clock ticked all the while, and only the sending stood still."""
    await ready(line)
    for day in range(1, 6):
        await make_due(line.database, now=MONDAY + timedelta(days=day))
    line.clock.at = MONDAY + timedelta(days=5)
    await line.drain()
    [posted] = line.messages()
    assert posted.text == "No MRR movements on Friday 20 November."
    assert [row.reason for row in await line.ledger()] == [SkipReason.STALE] * 4 + [None]


async def test_a_movement_that_arrives_before_the_message_leaves_is_in_it(line: Sending) -> None:
    await ready(line)
    line.clock.turn(86_400)
    await make_due(line.database, now=line.clock.now())
    await line.move(kind="new_business", occurred_at=MONDAY)
    await line.drain()
    [posted] = line.messages()
    assert posted.text == "MRR, Monday 16 November: +$100 net → $100"


def kinds(of: dict[str, Any]) -> list[str]:
    return [block["type"] for block in of["blocks"]]


async def test_a_workspace_without_charts_gets_the_same_message_with_a_picture(line: Sending) -> None:
    await ready(line)
    await line.move(kind="new_business")
    line.shows("pictures")
    await tick(line, days=1)
    [posted] = line.messages()
    assert posted.text == "MRR, Monday 16 November: +$100 net → $100"
    refused, taken = (call.args for call in line.calls())
    assert (kinds(refused)[1], kinds(taken)[1]) == (CHART, PICTURE)
    assert [*refused["blocks"][:1], *refused["blocks"][2:]] == [*taken["blocks"][:1], *taken["blocks"][2:]]
    assert taken["blocks"][1]["image_url"].startswith("https://runrate.example/previews/T0ACME:rcp_")
    assert (await line.only()).attempts == 1


async def test_where_slack_cannot_fetch_the_picture_the_words_are_posted(line: Sending) -> None:
    """Nobody listens at the address that the picture would be at."""
    line.public_url = ADDRESS
    await ready(line)
    await line.move(kind="new_business")
    line.shows("pictures")
    await tick(line, days=1)
    assert [call.answer["response_metadata"]["messages"] for call in line.calls()[:2]] == [
        ["[ERROR] unsupported type: data_visualization [json-pointer:/blocks/1/type]"],
        ["[ERROR] downloading image failed [json-pointer:/blocks/1/image_url]"],
    ]
    charted, _, words = (call.args["blocks"] for call in line.calls())
    assert [block for block in charted if block["type"] != CHART] == words
    assert len(line.messages()) == 1
    assert (await line.only()).attempts == 1


@pytest.mark.parametrize(
    ("shows", "first", "second"),
    [
        ("charts", [CHART], [CHART]),
        ("pictures", [CHART, PICTURE], [PICTURE]),
        ("words", [CHART, PICTURE, TABLE, "section"], ["section"]),
    ],
)
async def test_what_was_refused_is_not_offered_again_that_morning_and_is_on_the_next(
    line: Sending, shows: Shown, first: list[str], second: list[str]
) -> None:
    await ready(line)
    await line.move(kind="new_business")
    line.shows(shows)
    sends = line.dispatcher()
    await tick(line, sends, days=1)
    assert [kinds(call.args)[1] for call in line.calls()] == first
    await line.destination(REVENUE, name="Half past", frequency=DAILY, at=time(9, 30), now=line.clock.now())
    await tick(line, sends, minutes=30)
    assert [kinds(call.args)[1] for call in line.calls()] == first + second
    await line.move(kind="new_business")
    line.shows("charts")
    await tick(line, sends, days=1)
    assert kinds(line.calls()[-1].args)[1] == CHART


async def test_a_message_that_is_refused_in_its_plainest_form_too_has_failed(line: Sending) -> None:
    await ready(line)
    await line.move(kind="new_business")
    line.fault("error", code="invalid_blocks", times=5)
    await tick(line, days=1)
    assert len(line.calls()) == 5
    assert (await line.only()).state == DeliveryState.FAILED


async def test_where_every_form_is_refused_the_text_is_posted_and_charts_are_offered_again(line: Sending) -> None:
    """Test 15: `invalid_blocks` → text fall-back delivered + marked."""
    await ready(line)
    await line.move(kind="new_business")
    sends = line.dispatcher()
    line.fault("error", code="invalid_blocks", times=4)
    await tick(line, sends, days=1)
    [posted] = line.messages()
    assert (posted.text, posted.blocks) == ("MRR, Monday 16 November: +$100 net → $100", None)
    owed = await line.only()
    assert (owed.state, owed.reason) == (DeliveryState.DELIVERED, ONLY_TEXT)
    await line.move(kind="new_business")
    await tick(line, sends, days=1)
    assert kinds(line.calls()[-1].args)[1] == CHART


async def test_a_message_that_slack_refuses_is_posted_as_its_text_and_the_ledger_says_so(line: Sending) -> None:
    """Test 15, for a message that has one form."""
    await line.ready()
    line.fault("error", code="invalid_blocks", times=1)
    await line.move()
    await line.drain()
    [posted] = line.messages()
    assert posted.text.startswith("account 1: expansion +$100 MRR")
    assert posted.blocks is None
    owed, [tried] = await line.only(), await line.attempts()
    assert (owed.state, owed.reason, tried.answer) == (DeliveryState.DELIVERED, ONLY_TEXT, AS_TEXT)
    assert (posted.metadata or {})["event_payload"]["delivery_id"] == owed.id


async def test_what_is_refused_for_another_reason_is_not_posted_as_text(line: Sending) -> None:
    """The broken variant: whoever posts the text after any refusal would do so in an archived channel."""
    await line.ready()
    line.fault("error", code="is_archived", times=1)
    await line.move()
    await line.drain()
    assert (line.messages(), len(line.calls())) == ([], 1)


async def test_a_recap_owed_while_its_destination_turned_to_real_time_is_skipped(line: Sending) -> None:
    """The edit that could not see the delivery yet: drawing looks again."""
    made = await ready(line)
    await make_due(line.database, now=MONDAY + timedelta(days=1))
    async with line.database.write() as session:
        (await destination.get(session, ACME, made.id)).frequency = Frequency.REAL_TIME
    await tick(line, days=1)
    assert (line.messages(), (await line.only()).reason) == ([], SkipReason.DELETED)


async def test_a_movement_owed_while_its_destination_turned_to_recaps_is_skipped(line: Sending) -> None:
    made = await line.ready(WINS)
    await line.move()
    async with line.database.write() as session:
        (await destination.get(session, ACME, made.id)).frequency = DAILY
    await line.drain()
    assert (line.messages(WINS), (await line.only()).reason) == ([], SkipReason.DELETED)
