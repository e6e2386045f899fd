"""Schedules keep wall-clock time: every local day once, through both changes of summer time."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.holiday import is_business_day
from models.schedule import Period, Rhythm, Schedule, instant

ZONES = sorted(available_timezones() - {"localtime", "Factory"})


@pytest.mark.parametrize(
    ("schedule", "now", "expected"),
    [
        (Schedule(rhythm=Rhythm.DAILY), "2026-11-16T09:00:00+00:00", "2026-11-17T09:00:00+00:00"),
        (Schedule(rhythm=Rhythm.DAILY), "2026-11-16T08:59:59+00:00", "2026-11-16T09:00:00+00:00"),
        (Schedule(rhythm=Rhythm.WEEKLY), "2026-11-16T09:00:00+00:00", "2026-11-23T09:00:00+00:00"),
        (Schedule(rhythm=Rhythm.MONTHLY), "2026-11-16T09:00:00+00:00", "2026-12-01T09:00:00+00:00"),
        (Schedule(rhythm=Rhythm.MONTHLY, day=31), "2027-02-01T00:00:00+00:00", "2027-02-28T09:00:00+00:00"),
        (Schedule(rhythm=Rhythm.MONTHLY, day=31), "2028-02-01T00:00:00+00:00", "2028-02-29T09:00:00+00:00"),
        (Schedule(rhythm=Rhythm.DAILY, zone="Europe/Berlin"), "2026-10-24T12:00:00+00:00", "2026-10-25T08:00:00+00:00"),
        (Schedule(rhythm=Rhythm.DAILY, zone="Europe/Berlin"), "2026-03-28T12:00:00+00:00", "2026-03-29T07:00:00+00:00"),
        (Schedule(rhythm=Rhythm.DAILY, at=time(2, 30), zone="Europe/Berlin"), "2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"),  # noqa: E501
        (Schedule(rhythm=Rhythm.DAILY, at=time(2, 30), zone="Europe/Berlin"), "2026-03-28T12:00:00+00:00", "2026-03-29T01:30:00+00:00"),  # noqa: E501
        (Schedule(rhythm=Rhythm.DAILY, zone="Asia/Kathmandu"), "2026-11-16T00:00:00+00:00", "2026-11-16T03:15:00+00:00"),  # noqa: E501
        (Schedule(rhythm=Rhythm.DAILY, at=time(23, 30), zone="America/Nuuk"), "2026-03-28T12:00:00+00:00", "2026-03-29T00:30:00+00:00"),  # noqa: E501
    ],
)  # fmt: skip
def test_the_next_run(schedule: Schedule, now: str, expected: str) -> None:
    assert schedule.next_after(datetime.fromisoformat(now)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("rhythm", "run", "period"),
    [
        (Rhythm.DAILY, "2026-11-17T09:00:00+00:00", Period(date(2026, 11, 16), date(2026, 11, 17))),
        (Rhythm.WEEKLY, "2026-11-23T09:00:00+00:00", Period(date(2026, 11, 16), date(2026, 11, 23))),
        (Rhythm.MONTHLY, "2026-03-01T09:00:00+00:00", Period(date(2026, 2, 1), date(2026, 3, 1))),
        (Rhythm.MONTHLY, "2027-01-01T09:00:00+00:00", Period(date(2026, 12, 1), date(2027, 1, 1))),
    ],
)
def test_a_run_tells_of_the_calendar_period_before_it(rhythm: Rhythm, run: str, period: Period) -> None:
    assert Schedule(rhythm=rhythm).period_of(datetime.fromisoformat(run)) == period


@pytest.mark.parametrize(
    ("schedule", "run", "period"),
    [
        # The Monday's recap tells of Friday to Sunday, the Tuesday's of Monday alone.
        ({"rhythm": Rhythm.DAILY}, "2026-11-16", (date(2026, 11, 13), date(2026, 11, 16))),
        ({"rhythm": Rhythm.DAILY}, "2026-11-17", (date(2026, 11, 16), date(2026, 11, 17))),
        # Good Friday and Easter Monday are holidays in Germany, and neither is in the United States.
        ({"rhythm": Rhythm.DAILY, "country": "DE"}, "2026-04-07", (date(2026, 4, 2), date(2026, 4, 7))),
        ({"rhythm": Rhythm.DAILY, "country": "US"}, "2026-04-06", (date(2026, 4, 3), date(2026, 4, 6))),
        # What falls on a Sunday, or on New Year's Day, comes later and tells of the same.
        ({"rhythm": Rhythm.WEEKLY, "weekday": 6}, "2026-11-16", (date(2026, 11, 2), date(2026, 11, 9))),
        ({"rhythm": Rhythm.MONTHLY, "country": "DE"}, "2027-01-04", (date(2026, 12, 1), date(2027, 1, 1))),
        ({"rhythm": Rhythm.MONTHLY, "day": 31}, "2026-02-02", (date(2025, 12, 1), date(2026, 1, 1))),
    ],
)
def test_on_business_days_what_is_put_off_tells_of_the_same(
    schedule: dict[str, Any], run: str, period: tuple[date, date]
) -> None:
    asked = Schedule(**schedule, is_business=True)
    due = datetime.fromisoformat(f"{run}T09:00:00+00:00")
    assert asked.next_after(due - timedelta(hours=1)) == due
    assert asked.period_of(due) == Period(*period)


@given(
    st.dates(date(1990, 1, 1), date(2037, 1, 1)),
    st.sampled_from(Rhythm),
    st.integers(0, 6),
    st.integers(1, 31),
    st.sampled_from([None, "DE", "US", "JP"]),
)
@settings(max_examples=40, deadline=None)
def test_on_business_days_no_day_is_left_out_or_told_twice(
    day: date, rhythm: Rhythm, weekday: int, month_day: int, country: str | None
) -> None:
    asked = Schedule(rhythm=rhythm, weekday=weekday, day=month_day, is_business=True, country=country)
    runs = [asked.next_after(datetime.combine(day, time(), UTC))]
    for _ in range(4):
        runs.append(asked.next_after(runs[-1]))
    assert all(is_business_day(run.date(), country) for run in runs)
    periods = [asked.period_of(run) for run in runs]
    assert all(earlier.end == later.first for earlier, later in pairwise(periods))


def test_a_period_begins_and_ends_at_local_midnights() -> None:
    start, end = Period(date(2026, 10, 25), date(2026, 10, 26)).instants("Europe/Berlin")
    assert end - start == timedelta(hours=25)


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    st.sampled_from(list(Rhythm)),
    st.times().map(lambda at: at.replace(microsecond=0, fold=0)),
    st.integers(0, 6),
    st.integers(1, 31),
)
def test_the_next_run_lies_after_now_and_the_runs_strictly_increase(
    zone: str, now: datetime, rhythm: Rhythm, at: time, weekday: int, day: int
) -> None:
    schedule = Schedule(rhythm=rhythm, at=at, zone=zone, weekday=weekday, day=day)
    runs = [schedule.next_after(now)]
    for _ in range(3):
        runs.append(schedule.next_after(runs[-1]))
    assert runs[0] > now
    assert all(earlier < later for earlier, later in pairwise(runs))
    assert schedule.runs_between(now, runs[-1]) == runs


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
def test_a_daily_run_comes_once_on_each_local_day_of_a_year(zone: str) -> None:
    schedule = Schedule(rhythm=Rhythm.DAILY, at=time(2, 30), zone=zone)
    runs = schedule.runs_between(instant(date(2011, 1, 1), time(), zone), instant(date(2012, 2, 1), time(), zone))
    days = [run.astimezone(ZoneInfo(zone)).date() for run in runs]
    assert len(days) == len(set(days))
    assert len(days) >= 395


def transitions() -> dict[datetime, str]:
    """Find every change of clocks from 1970 to 2037, with one of the zones that make it alike."""
    found: dict[tuple[datetime, timedelta, timedelta], str] = {}
    for name in ZONES:
        zone, before = ZoneInfo(name), None
        for fortnight in range(68 * 26):
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=14 * fortnight)
            after = at.astimezone(zone).utcoffset() or timedelta()
            if before is not None and after != before:
                found.setdefault((at, before, after), name)
            before = after
    return {
        _change(ZoneInfo(name), at - timedelta(days=14), at, before): name for (at, before, _), name in found.items()
    }


def _change(zone: ZoneInfo, early: datetime, late: datetime, before: timedelta) -> datetime:
    """Search for the second in which an offset ends."""
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def test_around_every_change_of_clocks_there_is_one_run_each_local_day() -> None:
    """In whatever zone: where the time is skipped or comes twice, also over midnight, or a whole day is left out."""
    changes = transitions()
    assert len(changes) > 2500
    for change, name in changes.items():
        zone, around = ZoneInfo(name), (change - timedelta(days=2), change + timedelta(days=2))
        before, after = ((change + timedelta(seconds=side)).astimezone(zone).utcoffset() for side in (-1, 1))
        assert before is not None
        assert after is not None
        unsure = (change + (before + after) / 2).time().replace(microsecond=0)
        runs = Schedule(rhythm=Rhythm.DAILY, at=unsure, zone=name).runs_between(*around)
        days = [run.astimezone(zone).date() for run in runs]
        assert all(earlier < later for earlier, later in pairwise(runs)), (name, change)
        days_apart = {later - earlier for earlier, later in pairwise(days)}
        is_day_left_out = after - before >= timedelta(hours=20)
        assert days_apart == {timedelta(days=1)} | ({timedelta(days=2)} if is_day_left_out else set()), (name, change)
