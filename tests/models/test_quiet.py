"""Quiet hours: by the clocks of a zone, through both changes of summer time; what is owed meanwhile waits."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from models import delivery, lane, ledger, person, quiet
from models.database import Database
from models.delivery import Delivery, DeliveryState, FactKind, Outcome, Owed
from models.quiet import Hours
from models.recipient import RecipientKind
from models.wish import FieldError
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
NIGHT = Hours(starts=time(22), ends=time(7, 30))
BERLIN, NUUK, KATHMANDU = "Europe/Berlin", "America/Nuuk", "Asia/Kathmandu"
QUIET = "quiet hours until 10:30 in Europe/Berlin"


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        (NIGHT, "UTC", "2026-11-16T21:59:59", None),
        (NIGHT, "UTC", "2026-11-16T22:00:00", "2026-11-17T07:30:00"),
        (NIGHT, "UTC", "2026-11-17T07:29:59", "2026-11-17T07:30:00"),
        (NIGHT, "UTC", "2026-11-17T07:30:00", None),
        (NIGHT, KATHMANDU, "2026-11-16T16:15:00", "2026-11-17T01:45:00"),
        # On Friday's evening it begins, on Saturday's not.
        (Hours(starts=time(22), ends=time(7), days=(4,)), "UTC", "2026-11-21T03:00:00", "2026-11-21T07:00:00"),
        (Hours(starts=time(22), ends=time(7), days=(4,)), "UTC", "2026-11-21T23:00:00", None),
        (Hours(starts=time(12), ends=time(13)), "UTC", "2026-11-16T12:30:00", "2026-11-16T13:00:00"),
        # The night of a change of summer time is an hour shorter, and one longer.
        (NIGHT, BERLIN, "2026-03-28T21:00:00", "2026-03-29T05:30:00"),
        (NIGHT, BERLIN, "2026-10-24T20:00:00", "2026-10-25T06:30:00"),
        # 02:30 is skipped in spring, and comes twice in autumn: the first one counts.
        (Hours(starts=time(22), ends=time(2, 30)), BERLIN, "2026-03-29T01:15:00", "2026-03-29T01:30:00"),
        (Hours(starts=time(22), ends=time(2, 30)), BERLIN, "2026-10-25T00:15:00", "2026-10-25T00:30:00"),
        (Hours(starts=time(22), ends=time(2, 30)), BERLIN, "2026-10-25T00:45:00", None),
        (Hours(starts=time(23, 30), ends=time(6)), NUUK, "2026-03-29T00:45:00", "2026-03-29T07:00:00"),
        # Samoa had no 30 December 2011.
        (NIGHT, "Pacific/Apia", "2011-12-30T08:30:00", "2011-12-30T17:30:00"),
        (Hours(starts=time(22), ends=time(7), days=(4,)), "Pacific/Apia", "2011-12-31T09:00:00", None),
    ],
)
def test_until_when_it_is_quiet(hours: Hours, zone: str, now: str, until: str | None) -> None:
    found = hours.until(datetime.fromisoformat(now).replace(tzinfo=UTC), zone=zone)
    assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(1971, 1, 1), datetime(2037, 12, 31)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
    starts=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    length=st.integers(1, 24 * 60 - 1),
)
def test_quiet_hours_end_within_a_day_and_at_their_end_it_is_quiet_no_more(
    zone: str, now: datetime, starts: time, length: int
) -> None:
    minutes = (starts.hour * 60 + starts.minute + length) % (24 * 60)
    hours = Hours(starts=starts, ends=time(minutes // 60, minutes % 60))
    until = hours.until(now, zone=zone)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=27)
    again = hours.until(until, zone=zone)
    # Where a change of the clocks puts the end at the next beginning, it is quiet again at once.
    assert again is None or again > until
    assert until.astimezone(ZoneInfo(zone)).tzinfo is not None


@pytest.mark.parametrize(
    ("field", "wrong"),
    [("ends", {"ends": time(22)}), ("days", {"days": ()}), ("days", {"days": (7,)})],
)
def test_hours_that_cannot_be_are_refused(field: str, wrong: dict[str, object]) -> None:
    with pytest.raises(FieldError) as refused:
        Hours(**{"starts": time(22), "ends": time(7), **wrong})  # type: ignore[arg-type]
    assert refused.value.field == field


async def quiet_now(session: AsyncSession, user_id: str = "U0DANA", *, hours: Hours | None = None) -> None:
    """Let it be quiet for somebody in Berlin, where it is 10:00 now, until 10:30."""
    await person.remember(session, ACME, {"id": user_id, "name": "dana", "tz": BERLIN}, now=NOW)
    await quiet.choose(session, ACME, user_id, hours or Hours(starts=time(9), ends=time(10, 30)), now=NOW)


def signal(number: int, target: str = "U0DANA", kind: RecipientKind = RecipientKind.PERSON) -> Owed:
    return Owed(asked_by="runrate", fact=(FactKind.SIGNAL, f"sig_{number}"), recipient=(kind, target))


async def test_what_is_owed_to_a_person_waits_and_the_ledger_says_why(database: Database) -> None:
    await seeds.install(database)
    async with database.write() as session:
        await quiet_now(session)
        channel = signal(1, "C1", RecipientKind.CHANNEL)
        await lane.owe(session, ACME, [signal(1), channel, signal(2, "U0LIAM")], now=NOW)
        await lane.owe(session, GLOBEX, [signal(9)], now=NOW)
    async with database.read() as session:
        rows = {one.target: one for one in await delivery.of_workspace(session, ACME)}
        elsewhere = (await delivery.of_workspace(session, GLOBEX))[0]
        waits = rows["U0DANA"]
        assert (waits.state, waits.reason, waits.due_at) == ("pending", QUIET, NOW + timedelta(minutes=30))
        assert {(one.reason, one.due_at) for one in (rows["C1"], rows["U0LIAM"], elsewhere)} == {(None, NOW)}
        # Whoever is to wait isn't ill served.
        assert await ledger.oldest_open(session, ACME, now=NOW) == NOW
        assert await ledger.failing(session, ACME, now=NOW) == []


TOLD = {
    "workspace_id": ACME,
    "target": "U0DANA",
    "recipient_kind": RecipientKind.PERSON,
    "state": DeliveryState.DELIVERED,
    "due_at": NOW,
}


async def test_what_waits_already_is_put_off_with_all_behind_it_but_for_why_it_failed(database: Database) -> None:
    await seeds.install(database)
    async with database.write() as session:
        await lane.owe(session, ACME, [signal(1), signal(2), signal(3)], now=NOW)
    async with database.write() as session:
        [last, _, first] = await delivery.of_workspace(session, ACME)
        failed = Outcome(
            state=DeliveryState.RETRYING, answer="x", due_at=NOW, reason="Slack is ill", fix="Wait for Slack."
        )
        await delivery.settle(session, [seeds.tried(last, failed)], now=NOW)
        await quiet_now(session)
        stands = Delivery(lane_id=first.lane_id, **TOLD)
        await quiet.put_off(session, [stands], now=NOW)
        assert (stands.due_at, first.due_at) == (NOW, NOW), "a message that stands already may change"
        await quiet.put_off(session, [first], now=NOW)
    async with database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
        assert [one.reason for one in rows] == ["Slack is ill", QUIET, QUIET]
        assert {one.due_at for one in rows} == {NOW + timedelta(minutes=30)}
