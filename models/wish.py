"""A wish: what a person wants a destination to be, as a form or a file says it; checked when it is made."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Protocol

from babel import localedata

from models import holiday, zone
from models.base import UserError
from models.condition import LONGEST_VALUE, MOST_CONDITIONS, MOST_VALUES
from models.filter import EVERYTHING, Filter
from models.recipient import LEAST_TOGETHER, MOST_RECIPIENTS, MOST_TOGETHER, RecipientKind, To
from models.schedule import LAST_OF_MONTH, MONDAY, NINE, WEEKDAYS, Rhythm, Schedule

LONGEST_NAME = 80
LONGEST_ZONE = 64
LONGEST_LOCALE = 20
MOST_ATTRIBUTES = 10
LONGEST_ROLE = 60
LONGEST_GROUP = 60
"""Minutes within which changes of one account may be told as one."""


class Frequency(StrEnum):
    """When a destination hears: at every movement, or by a recap of each day, week or month."""

    REAL_TIME = "real_time"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def is_recap(self) -> bool:
        """Say whether it hears by recaps."""
        return self is not Frequency.REAL_TIME


class FieldError(UserError):
    """A field of a form was refused. `field` is `name`, `recipients`, `attributes`, `zone` or another form's own."""

    def __init__(self, field: str, message: str) -> None:
        """Say which field, and what to do about it."""
        super().__init__(message)
        self.field = field


class Timed(Protocol):
    """What says when recaps are due."""

    @property
    def frequency(self) -> str: ...
    @property
    def at(self) -> time: ...
    @property
    def zone(self) -> str: ...
    @property
    def weekday(self) -> int: ...
    @property
    def month_day(self) -> int: ...
    @property
    def is_business(self) -> bool: ...
    @property
    def country(self) -> str | None: ...


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a person wants a destination to be; checked when it is made."""

    name: str
    recipients: tuple[tuple[RecipientKind, str], ...]
    frequency: Frequency = Frequency.REAL_TIME
    at: time = NINE
    zone: str = zone.UTC
    weekday: int = MONDAY
    month_day: int = 1
    is_business: bool = False
    country: str = ""
    """Whose holidays are no business days, as somebody named it; its two letters once it is checked."""
    attributes: tuple[str, ...] = ()
    filter: Filter = EVERYTHING
    locale: str = ""
    """How numbers are written, such as `de_DE`; empty for the workspace's way."""
    group_minutes: int | None = None
    has_threads: bool = False
    mentions: str = ""
    """The role whose holder a movement mentions, such as `owner`; empty for none."""
    tells_empty: bool = True

    def __post_init__(self) -> None:
        """Refuse what can't be; `FieldError` names the field."""
        object.__setattr__(self, "name", " ".join(self.name.replace("\0", "").split()))
        if not self.name:
            raise FieldError("name", "Give the destination a name, such as “Every movement”.")
        if len(self.name) > LONGEST_NAME:
            raise FieldError("name", f"A name has at most {LONGEST_NAME} characters; this one has {len(self.name)}.")
        self._check_recipients()
        if len(self.attributes) > MOST_ATTRIBUTES:
            raise FieldError("attributes", f"Choose at most {MOST_ATTRIBUTES} attributes.")
        if not self.filter.kinds:
            raise FieldError("kinds", "Choose at least one kind of movement.")
        self._check_conditions()
        self._check_schedule()
        self._check_telling()

    def _check_recipients(self) -> None:
        if not self.recipients:
            raise FieldError("recipients", "Choose at least one channel, or somebody below.")
        if len(self.recipients) > MOST_RECIPIENTS:
            raise FieldError("recipients", f"Choose at most {MOST_RECIPIENTS} channels and people.")
        for one in (To(*recipient) for recipient in self.recipients):
            number = len(one.user_ids)
            if one.kind is RecipientKind.GROUP_DM and not LEAST_TOGETHER <= number <= MOST_TOGETHER:
                raise FieldError("people", f"A group DM has at most {MOST_TOGETHER} people; these are {number}.")

    def _check_conditions(self) -> None:
        """Refuse conditions that no form offers."""
        conditions = self.filter.conditions
        if len(conditions) > MOST_CONDITIONS:
            raise FieldError("condition_1", f"Choose at most {MOST_CONDITIONS} conditions.")
        for number, one in enumerate(conditions, start=1):
            if not 1 <= len(one.values) <= MOST_VALUES or any(len(value) > LONGEST_VALUE for value in one.values):
                raise FieldError(f"condition_{number}", f"Choose 1 to {MOST_VALUES} values for it.")

    def _check_schedule(self) -> None:
        try:
            object.__setattr__(self, "zone", zone.named(self.zone))
        except zone.ZoneUnknownError as error:
            raise FieldError("zone", str(error)) from error
        if not 0 <= self.weekday < len(WEEKDAYS):
            raise FieldError("weekday", "Choose a day of the week.")
        if not 1 <= self.month_day <= LAST_OF_MONTH:
            raise FieldError("month_day", "Choose a day of the month, from 1 to 31.")
        try:
            object.__setattr__(self, "country", holiday.named(self.country) if self.country.strip() else "")
        except holiday.CountryUnknownError as error:
            raise FieldError("country", str(error)) from error

    def _check_telling(self) -> None:
        if self.locale and not localedata.exists(self.locale):
            raise FieldError("locale", "Choose a language and region from the list, such as English (United States).")
        if self.group_minutes is not None and not 1 <= self.group_minutes <= LONGEST_GROUP:
            raise FieldError("group_minutes", f"Choose 1 to {LONGEST_GROUP} minutes.")
        if self.has_threads and self.group_minutes is not None:
            raise FieldError("group_minutes", "An account's thread holds its changes together already.")
        if len(self.mentions) > LONGEST_ROLE:
            raise FieldError("mentions", "Choose a role from the list.")

    @property
    def schedule(self) -> Schedule | None:
        """When recaps would be due."""
        return schedule_of(self)


def schedule_of(asking: Timed) -> Schedule | None:
    """Say when recaps are due; None where each movement is told as it happens."""
    if not Frequency(asking.frequency).is_recap:
        return None
    return Schedule(
        rhythm=Rhythm(asking.frequency),
        at=asking.at,
        zone=asking.zone,
        weekday=asking.weekday,
        day=asking.month_day,
        is_business=asking.is_business,
        country=(asking.country or None) if asking.is_business else None,
    )
