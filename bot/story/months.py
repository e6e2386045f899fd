"""The months that the business lives through, as the working days before today."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

TOLD_MONTHS = 12
"""The whole months before this one that have movements of every kind."""
EARLY_MONTHS = 18
"""How long the business grew before them, so that they begin with customers."""
_WORKDAY = range(8, 18)
_HOLIDAYS = {(12, 25), (12, 26), (1, 1)}


@dataclass
class Month:
    """The working days of a month that lie before today."""

    number: int
    """Up to 0 in the early months; from 1 on, movements of every kind are told."""
    first: date
    days: list[date]
    passed: float
    """How much of it lies before today; 1.0 for a whole month."""
    is_begun: bool = False

    @property
    def is_told(self) -> bool:
        return self.number > 0

    def instant(self, rng: random.Random) -> datetime:
        """Choose an instant in working hours; the first one on the last day, so that history reaches up to today."""
        day = rng.choice(self.days) if self.is_begun else self.days[-1]
        self.is_begun = True
        return datetime.combine(day, time(rng.choice(_WORKDAY), rng.randrange(60), rng.randrange(60)), UTC)


def months_of(today: date) -> list[Month]:
    """List the months of the story, the running one last unless none of its working days has passed."""
    before_told = today.year * 12 + today.month - 1 - TOLD_MONTHS - 1
    months = [_month(number, before_told + number, today) for number in range(-EARLY_MONTHS, TOLD_MONTHS + 2)]
    return [month for month in months if month.days]


def _month(number: int, since_year_0: int, today: date) -> Month:
    first = date(since_year_0 // 12, since_year_0 % 12 + 1, 1)
    dates = (first + timedelta(days=day) for day in range(31))
    days = [day for day in dates if day.month == first.month and _is_working_day(day)]
    passed = [day for day in days if day < today]
    return Month(number, first, passed, len(passed) / len(days))


def _is_working_day(day: date) -> bool:
    return day.isoweekday() in range(1, 6) and (day.month, day.day) not in _HOLIDAYS
