"""A schedule: when a recap is due and of which period it tells, in wall-clock time of a zone. It reads no clock.

APScheduler's cron fires twice or not at all around a change of summer time. Here a run is a local date and local time:
a time that the clock skips is moved forward by the gap, or back where that would be the next day, and of a time that
comes twice the first is taken.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from models.holiday import is_business_day

NINE = time(9)
LONGEST_REST = 31
"""As many days without a business day between them as are looked through."""
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONDAY = 0
LAST_OF_MONTH = 31
LATEST_FIRST = 28
"""Every month has this day; a later one means the last day of a shorter month."""


class Rhythm(StrEnum):
    """How often."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True)
class Period:
    """Local days from `first` up to, but not including, `end`."""

    first: date
    end: date

    def instants(self, zone: str) -> tuple[datetime, datetime]:
        """Give the period as instants in UTC, `[start, end)`."""
        return instant(self.first, time(), zone), instant(self.end, time(), zone)

    def a_year_ago(self, rhythm: Rhythm) -> "Period":
        """Give the same period a year before: the same days or month, or the week 52 weeks before."""
        if rhythm is Rhythm.WEEKLY:
            return Period(self.first - timedelta(weeks=52), self.end - timedelta(weeks=52))
        first = _a_year_ago(self.first)
        return Period(first, _a_year_ago(self.end) if rhythm is Rhythm.MONTHLY else first + (self.end - self.first))


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A daily, weekly or monthly run at a local time. `weekday` counts from Monday as 0; `day` is of the month.

    On business days only, a run that falls on another day comes on the next business day, and a daily recap tells of
    all days since the business day before. `country` is the one whose holidays are none, beside weekends.
    """

    rhythm: Rhythm
    at: time = NINE
    zone: str = "UTC"
    weekday: int = MONDAY
    day: int = 1
    is_business: bool = False
    country: str | None = None

    def next_after(self, now: datetime) -> datetime:
        """Give the first run after an instant, in UTC."""
        return next(run for run in self._runs(_local_date(now, self.zone) - timedelta(days=1)) if run > now)

    def runs_between(self, after: datetime, until: datetime) -> list[datetime]:
        """List the runs after one instant up to and including another, oldest first."""
        found: list[datetime] = []
        for run in self._runs(_local_date(after, self.zone) - timedelta(days=1)):
            if run > until:
                return found
            if run > after:
                found.append(run)
        return found

    def period_of(self, run: datetime) -> Period:
        """Say which period a run tells of: the day, the week from Monday, or the calendar month before it.

        What was put off to a business day tells of the same as on its own day.
        """
        today = _local_date(run, self.zone)
        match self.rhythm:
            case Rhythm.DAILY:
                return Period(self._workday_before(today), today)
            case Rhythm.WEEKLY:
                own = self._own_day(today)
                monday = own - timedelta(days=own.weekday())
                return Period(monday - timedelta(days=7), monday)
            case Rhythm.MONTHLY:
                first = self._own_day(today).replace(day=1)
                return Period((first - timedelta(days=1)).replace(day=1), first)

    def _runs(self, start: date) -> Iterator[datetime]:
        """Give every run from a local date on; a day that a zone leaves out altogether has none."""
        day = start
        while True:
            run = self._run_on(day) if self._has_run(day) else None
            if run is not None:
                yield run
            day += timedelta(days=1)

    def _run_on(self, day: date) -> datetime | None:
        """Give the run of a local day: as in Nuuk, a gap may begin before midnight and end after it."""
        moved = (instant(day, self.at.replace(fold=fold), self.zone) for fold in (0, 1))
        return next((run for run in moved if _local_date(run, self.zone) == day), None)

    def _has_run(self, day: date) -> bool:
        return self._works_on(day) and any(map(self._is_own, self._put_off_to(day)))

    def _works_on(self, day: date) -> bool:
        return not self.is_business or is_business_day(day, self.country)

    def _put_off_to(self, day: date) -> list[date]:
        """Give a day with those right before it on which nobody works, the newest first."""
        days = [day]
        while not self._works_on(days[-1] - timedelta(days=1)) and len(days) < LONGEST_REST:
            days.append(days[-1] - timedelta(days=1))
        return days

    def _workday_before(self, day: date) -> date:
        return self._put_off_to(day)[-1] - timedelta(days=1)

    def _own_day(self, day: date) -> date:
        """Give the day of a run as it would be without business days; the day itself where it is no run's."""
        return next(filter(self._is_own, self._put_off_to(day)), day)

    def _is_own(self, day: date) -> bool:
        match self.rhythm:
            case Rhythm.DAILY:
                return True
            case Rhythm.WEEKLY:
                return day.weekday() == self.weekday
            case Rhythm.MONTHLY:
                return day.day == min(self.day, _days_in_month(day))


def instant(day: date, at: time, zone: str) -> datetime:
    """Turn a local date and time into an instant in UTC: forward over a gap, and the first of two."""
    local = datetime.combine(day, at, ZoneInfo(zone))
    return local.astimezone(UTC)


def midnight(now: datetime, zone: str) -> datetime:
    """Give the instant at which today began in a zone."""
    return instant(_local_date(now, zone), time(), zone)


def _a_year_ago(day: date) -> date:
    """Give the same day a year before; of 29 February the 28th."""
    is_leap_day = (day.month, day.day) == (2, LATEST_FIRST + 1)
    return day.replace(year=day.year - 1, day=LATEST_FIRST if is_leap_day else day.day)


def _local_date(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _days_in_month(day: date) -> int:
    following = (day.replace(day=LATEST_FIRST) + timedelta(days=4)).replace(day=1)
    return (following - timedelta(days=1)).day
