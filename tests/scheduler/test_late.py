"""A recap that was told is corrected in its place when a movement arrives late, and the next one says so."""

from datetime import timedelta
from typing import Any

import pytest

from models import audit, destination, edit, history, recap
from models.base import UserError
from models.delivery import UPDATE, DeliveryState, SkipReason
from models.destination import Destination
from models.late import LOOKED_AT
from models.schedule import Rhythm
from models.subscription import Restatement
from models.wish import Frequency
from scheduler.apply import apply_waiting
from scheduler.recap import correct, correct_by_history, make_due
from tests import seeds
from tests.seeds import ACME, NOW
from tests.sending import REVENUE, Sending

MONDAY = NOW
"""Monday 16 November 2026, 09:00 UTC, of which Tuesday's recap tells."""
DAY = timedelta(days=1)
LATE = "1 movement (+$70) arrived late and belongs to the day before"


async def ready(line: Sending, frequency: Frequency = Frequency.DAILY, **fields: Any) -> Destination:
    await line.install()
    await line.let_in(REVENUE)
    return await line.destination(REVENUE, frequency=frequency, **fields)


async def tick(line: Sending, ahead: timedelta = DAY) -> None:
    line.clock.at += ahead
    await make_due(line.database, now=line.clock.now())
    await line.run()


async def arrive(line: Sending, *, at: Any = MONDAY, amount_minor: int = 7_000) -> None:
    """Let a movement of an earlier day arrive, and its correction leave."""
    line.clock.turn(600)
    await line.move(kind="new_business", occurred_at=at, amount_minor=amount_minor)
    await line.run()


def words(line: Sending, place: int) -> str:
    return str(line.messages()[place].blocks)


async def told(line: Sending) -> None:
    """Let a movement happen on Monday, and tell it on Tuesday."""
    await line.move(kind="new_business")
    await tick(line)
    assert [one.text for one in line.messages()] == ["MRR, Monday 16 November: +$100 net → $100"]


async def test_the_recap_of_its_day_is_corrected_and_the_next_one_says_so(line: Sending) -> None:
    await ready(line)
    await told(line)
    await arrive(line)
    [corrected] = line.messages()
    assert corrected.text == "MRR, Monday 16 November: +$170 net → $170"
    on = "<!date^1794906600^{date_short}|17 Nov 2026>"
    assert f"*Corrected* on {on}: 1 movement (+$70) arrived late." in words(line, 0)
    assert "late: due" not in words(line, 0), "it was told in time"
    await tick(line)
    assert f"{LATE}; that recap was corrected." in words(line, 1)
    assert "Corrected" not in words(line, 1)
    assert {one.state for one in await line.ledger()} == {DeliveryState.DELIVERED}


async def test_a_movement_of_today_corrects_nothing(line: Sending) -> None:
    await ready(line)
    await told(line)
    await arrive(line, at=line.clock.now())
    assert line.calls(UPDATE) == []


async def test_a_recap_after_it_that_was_told_too_is_corrected_since_its_start_is_another(line: Sending) -> None:
    await ready(line)
    await told(line)
    await tick(line)
    await arrive(line)
    assert [one.text for one in line.messages()] == [
        "MRR, Monday 16 November: +$170 net → $170",
        "No MRR movements on Tuesday 17 November. MRR stays at $170.",
    ]


@pytest.mark.parametrize("code", ["edit_window_closed", "cant_update_message", "message_not_found"])
async def test_where_slack_lets_nobody_change_it_the_next_recap_claims_nothing(line: Sending, code: str) -> None:
    await ready(line)
    await told(line)
    line.fault("error", code=code, method=UPDATE, times=1)
    await arrive(line)
    await tick(line)
    assert line.messages()[0].text == "MRR, Monday 16 November: +$100 net → $100"
    assert f"{LATE}." in words(line, 1)


async def test_what_arrived_after_the_correction_is_not_said_to_be_in_it(line: Sending) -> None:
    """The broken variant asks for no second edit: one that was sent before it counts for nothing."""
    await ready(line)
    await told(line)
    await arrive(line)
    line.fault("error", code="cant_update_message", method=UPDATE, times=1)
    await arrive(line, amount_minor=100)
    await tick(line)
    assert "2 movements (+$71) arrived late and belong to the day before." in words(line, 1)


async def test_a_recap_at_which_nobody_looks_any_more_stays_as_it_was(line: Sending) -> None:
    await ready(line)
    await told(line)
    line.clock.at += LOOKED_AT[Rhythm.DAILY]
    await arrive(line)
    assert line.calls(UPDATE) == []


async def test_a_movement_that_is_restated_corrects_it_too(line: Sending) -> None:
    await ready(line)
    await told(line)
    line.clock.turn(600)
    now, tell = line.clock.now(), {"workspace_id": ACME, "account_id": "acc_1", "movement_id": "mov_1"}
    was = {"occurred_at": MONDAY, "currency": "USD", "kind_before": "new_business", "amount_before_minor": 10_000}
    async with line.database.write() as session:
        session.add(Restatement(id="rst_1", restated_at=now, kind="expansion", amount_minor=9_000, **tell, **was))
        await session.flush()
        await correct(session, [], [ACME], now=now)
    await line.run()
    assert "1 movement (−$10) was restated." in words(line, 0)


async def test_drawn_anew_when_nothing_changed_it_is_not_called_corrected(line: Sending) -> None:
    await ready(line)
    await told(line)
    async with line.database.write() as session:
        assert await edit.ask(session, ACME, [(await line.only()).id], now=line.clock.now()) == 1
    await line.run()
    assert len(line.calls(UPDATE)) == 1
    assert "Corrected" not in words(line, 0)


# --- history ---------------------------------------------------------------------------------------------------------


async def bring_in(line: Sending, *facts: Any, seconds: float = 0) -> None:
    """Let history come in, so many seconds after what came before, and let the stage look once more after that."""
    line.clock.turn(seconds)
    if not line.sources:
        line.sources[ACME], _ = await seeds.add_source(line.database)
    made = seeds.event_of(line.sources[ACME], *facts, key=f"{line.clock.now()}", is_history=True)
    await seeds.receive(line.database, made)
    while await apply_waiting(line.database, now=line.clock.now()):
        pass
    await look(line)


async def look(line: Sending, seconds: float = 0) -> None:
    line.clock.turn(seconds)
    await correct_by_history(line.database, now=line.clock.now())
    await line.run()


def earlier(days: float, amount_minor: int) -> Any:
    """A movement so many days before Monday, of an account of its own."""
    at = MONDAY - days * DAY
    return seeds.movement(f"{at}", kind="new_business", amount_minor=amount_minor, occurred_at=at)


async def test_once_history_is_in_the_recaps_that_it_changes_are_corrected_once(line: Sending) -> None:
    await ready(line)
    await told(line)
    await bring_in(line, earlier(400, 50_000), earlier(0, 7_000), seconds=600)
    await bring_in(line, earlier(30, 3_000), seconds=50)
    await look(line, 59)
    assert line.calls(UPDATE) == []
    await look(line, 1)
    await look(line, 600)
    assert len(line.calls(UPDATE)) == 1
    assert line.messages()[0].text == "MRR, Monday 16 November: +$170 net → $700"
    assert "*Corrected* on <!date^1794906650^{date_short}|17 Nov 2026>: history came in." in words(line, 0)
    await tick(line)
    assert "arrived late" not in words(line, 1), "a history of two years is no news"
    assert "Corrected" not in words(line, 1)


async def test_corrected_while_it_still_comes_a_recap_would_tell_half_of_it(
    line: Sending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant: nobody waits until no more comes."""
    monkeypatch.setattr(history, "QUIET", timedelta(0))
    await ready(line)
    await told(line)
    await bring_in(line, earlier(0, 7_000), seconds=600)
    await bring_in(line, earlier(30, 3_000), seconds=50)
    assert len(line.calls(UPDATE)) == 2


async def test_the_history_of_subscriptions_corrects_recaps_too(line: Sending) -> None:
    await ready(line)
    await told(line)
    await bring_in(line, seeds.subscribed(as_of=MONDAY))
    await look(line, 60)
    assert line.messages()[0].text == "MRR, Monday 16 November: +$100 net → $200"
    await arrive(line)
    assert "1 movement (+$70) arrived late and history came in." in words(line, 0)


@pytest.mark.parametrize(("days", "after"), [(-1, timedelta(0)), (30, LOOKED_AT[Rhythm.DAILY])])
async def test_history_of_a_later_time_or_for_a_recap_at_which_nobody_looks_corrects_nothing(
    line: Sending, days: int, after: timedelta
) -> None:
    await ready(line)
    await told(line)
    line.clock.at += after
    await bring_in(line, earlier(days, 7_000))
    await look(line, 60)
    assert line.calls(UPDATE) == []


# --- an empty period -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tells_empty", "reason"), [(True, None), (False, SkipReason.EMPTY)])
async def test_an_empty_period_is_told_or_stands_in_the_ledger(
    line: Sending, tells_empty: bool, reason: SkipReason | None
) -> None:
    await ready(line, tells_empty=tells_empty)
    await tick(line)
    [row] = await line.ledger()
    assert (row.reason, len(line.messages())) == (reason, 1 if tells_empty else 0)


async def test_what_is_known_by_the_time_of_sending_decides_whether_a_period_is_empty(line: Sending) -> None:
    await ready(line, tells_empty=False)
    line.clock.at += DAY
    await make_due(line.database, now=line.clock.now())
    await line.move(kind="new_business", occurred_at=MONDAY)
    await line.drain()
    assert [one.text for one in line.messages()] == ["MRR, Monday 16 November: +$100 net → $100"]


async def test_what_arrived_late_is_told_though_nothing_else_happened(line: Sending) -> None:
    """Of a day whose own recap was skipped, too: no recap of it is said to be corrected."""
    await ready(line, tells_empty=False)
    await tick(line)
    await arrive(line)
    await tick(line)
    assert [one.text for one in line.messages()] == ["No MRR movements on Tuesday 17 November. MRR stays at $70."]
    assert f"{LATE}." in words(line, 0)
    assert [one.reason for one in await line.ledger()] == [SkipReason.EMPTY, None]


# --- in the destination's way ----------------------------------------------------------------------------------------


async def test_numbers_are_written_as_the_destination_wants_them(line: Sending) -> None:
    await ready(line, locale="de_DE")
    await line.move(kind="new_business", amount_minor=123_450)
    await tick(line)
    [posted] = line.messages()
    assert posted.text == "MRR, Monday 16 November: +1.234,50\u00a0$ net → 1.234,50\u00a0$"
    async with line.database.read() as session:
        [row] = await line.ledger()
        assert await recap.locale_of(session, ACME, row.fact_id) == "de_DE"


# --- sent now --------------------------------------------------------------------------------------------------------


async def send_now(line: Sending, made: Destination) -> None:
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id, hold=True)
        now, note = line.clock.now(), "Ada asked for this now"
        await recap.send_now(session, found, note=note, by="U0ADA", now=now)


async def test_the_recap_of_the_last_whole_period_is_sent_now_beside_those_of_the_schedule(line: Sending) -> None:
    made = await ready(line)
    await line.move(kind="new_business")
    line.clock.at += timedelta(hours=20)
    await send_now(line, made)
    await send_now(line, made)  # A second press means the same.
    await line.run()
    await tick(line, MONDAY + DAY - line.clock.now())
    assert [one.text for one in line.messages()] == ["MRR, Monday 16 November: +$100 net → $100"] * 2
    assert "Ada asked for this now · to <#C0REVENUE>" in words(line, 0)
    assert "Ada" not in words(line, 1)
    await send_now(line, made)
    await line.run()
    assert len(line.messages()) == 3
    await tick(line)
    assert "Tuesday 17 November" in line.messages()[3].text
    async with line.database.read() as session:
        assert [one.action for one in await audit.of_workspace(session, ACME)][:2] == ["destination.sent_now"] * 2


async def test_what_is_asked_for_is_told_though_it_is_empty_and_not_late(line: Sending) -> None:
    made = await ready(line, tells_empty=False)
    line.clock.at += timedelta(hours=12)
    await send_now(line, made)
    await line.run()
    assert [one.text for one in line.messages()] == ["No MRR movements on Sunday 15 November."]


@pytest.mark.parametrize(
    ("frequency", "sentence"),
    [
        (Frequency.REAL_TIME, "“Every movement” tells of each movement as it happens: there is no recap to send."),
        (Frequency.DAILY, "“Every movement” is paused. Resume it, then send."),
    ],
)
async def test_where_there_is_none_to_send_it_says_why(line: Sending, frequency: Frequency, sentence: str) -> None:
    made = await ready(line, frequency)
    async with line.database.write() as session:
        found = await destination.get(session, ACME, made.id)
        await destination.pause(session, found, until=None, by="U0ADA", now=line.clock.now())
    with pytest.raises(UserError, match=sentence):
        await send_now(line, made)
    assert await line.ledger() == []
