"""What comes to one person by direct message, why, and when it doesn't; the forms for their recap and quiet hours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from handlers.views import mutes
from handlers.views.answers import Answer
from handlers.views.blocks import Block, Element, View, actions, button, context, field, modal, option, section
from handlers.views.destinations import FREQUENCIES
from handlers.views.filled import filled
from handlers.views.mutes import MuteRow
from models.quiet import Hours
from models.schedule import NINE, WEEKDAYS
from models.wish import FieldError, Frequency
from scheduler.messages import mrkdwn, welcome

MOST_TOLD = 5
WHOLE_WEEK, WORKWEEK, WEEKEND = (0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4), (5, 6)
DAYS_IN_WORDS = {WHOLE_WEEK: "every day", WORKWEEK: "on weekdays", WEEKEND: "at weekends"}
FIRST_HOURS = Hours(starts=time(20), ends=time(8))
"""What the form begins with for whoever has none."""

_DOT = " · "


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    ask: str = welcome.ACTIONS.recap
    change: str = "personal_recap_change"
    stop: str = "personal_recap_stop"
    quiet: str = "quiet_hours"
    end_quiet: str = "quiet_hours_end"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    recap: str = "personal_recap"
    quiet: str = "quiet_hours"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Field(StrEnum):
    """The fields of both forms, by the names under which they can be refused."""

    FREQUENCY = "frequency"
    AT = "at"
    STARTS = "starts"
    ENDS = "ends"
    DAYS = "days"

    @property
    def block_id(self) -> str:
        """Name the field's block."""
        return f"personal_{self}"


@dataclass(frozen=True, kw_only=True)
class RecapRow:
    """A person's own recap."""

    frequency: Frequency
    at: time
    zone: str
    next_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TellingRow:
    """A destination that tells a person by direct message."""

    name: str
    frequency: Frequency
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Personal:
    """What one person gets, and when they don't. `zone` is that of their clocks."""

    zone: str
    owned: int = 0
    """At how many accounts they hear of signals."""
    telling: tuple[TellingRow, ...] = ()
    recap: RecapRow | None = None
    may_have_recap: bool = True
    hours: Hours | None = None
    quiet_until: datetime | None = None
    """Until when it is quiet now."""
    mutes: tuple[MuteRow, ...] = ()


def blocks(personal: Personal) -> list[Block]:
    """Draw all of it: what comes and why, what can be pressed about it, and what is muted."""
    return [*_told(personal), *mutes.blocks(personal.mutes)]


def brief(personal: Personal) -> list[Block]:
    """Draw it for a manager, whose Home tab has much else: the mutes are one line."""
    return [*_told(personal), *([context(mutes.line(personal.mutes))] if personal.mutes else [])]


def _told(personal: Personal) -> list[Block]:
    lines = [*_owner(personal), *_telling(personal), *_recap(personal.recap)]
    quiet = _quiet(personal)
    said = lines or ["Nothing comes to you by direct message yet."]
    return [section("\n".join(["*What you get*", *said, *quiet])), actions(*_buttons(personal), block_id="personal")]


def _owner(personal: Personal) -> Sequence[str]:
    if not personal.owned:
        return ()
    number = "1 account" if personal.owned == 1 else f"{personal.owned:,} accounts"
    told = f"You are the owner of {number}: their signals come to you by direct message."
    return (f"{told} `/mrr mute ACCOUNT` stops those of one.",)


def begun(recap: RecapRow) -> Answer:
    """Answer to a button under a message that a recap comes from now on."""
    text = f"{_recap_line(recap)}. Change or stop it in Runrate's Home tab."
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])


def _telling(personal: Personal) -> list[str]:
    more = len(personal.telling) - MOST_TOLD
    rest = [f"and {more} more destinations"] if more > 0 else []
    return [*map(_telling_line, personal.telling[:MOST_TOLD]), *rest]


def _telling_line(one: TellingRow) -> str:
    what = FREQUENCIES[one.frequency][1].partition(": ")[2]
    return f"{mrkdwn.quoted(one.name)} tells you {what}, as {mrkdwn.person(one.created_by)} set it up."


def _recap(recap: RecapRow | None) -> Sequence[str]:
    return () if recap is None else (_recap_line(recap),)


def _recap_line(recap: RecapRow) -> str:
    following = f"{_DOT}next: {mrkdwn.moment(recap.next_at)}" if recap.next_at else ""
    words = FREQUENCIES[recap.frequency][0].lower()
    return f"Your {words} recap comes at {recap.at:%H:%M} {mrkdwn.escape(recap.zone, 64)}{following}"


def _quiet(personal: Personal) -> Sequence[str]:
    hours = personal.hours
    if hours is None:
        return ()
    now = f" It is quiet until {mrkdwn.moment(personal.quiet_until)}." if personal.quiet_until else ""
    span = f"from {hours.starts:%H:%M} to {hours.ends:%H:%M} {_days(hours.days)}, {mrkdwn.escape(personal.zone, 64)}"
    return (f"*Quiet hours* {span}: what comes to you meanwhile waits until they end.{now}",)


def _days(days: Sequence[int]) -> str:
    """Write `every day`, `on weekdays`, `on Mondays and Fridays`."""
    names = (f"{WEEKDAYS[day]}s" for day in sorted(days))
    return DAYS_IN_WORDS.get(tuple(sorted(days))) or f"on {mrkdwn.listed(names, most=len(WEEKDAYS))}"


def _buttons(personal: Personal) -> list[Element]:
    recap = [button("Change my recap", ACTIONS.change), button("Stop my recap", ACTIONS.stop)]
    if personal.recap is None:
        recap = [button("Send me a daily recap by DM", ACTIONS.ask)]
    quiet = [button("Quiet hours", ACTIONS.quiet)]
    if personal.hours is not None:
        quiet = [button("Change quiet hours", ACTIONS.quiet), button("End quiet hours", ACTIONS.end_quiet)]
    return [*(recap if personal.may_have_recap else []), *quiet]


# --- the form for one's own recap ------------------------------------------------------------------------------------


def recap_form(recap: RecapRow | None, *, zone: str) -> View:
    """Draw the form for a person's own recap, with what they have."""
    choices = {one: option(words, one) for one, (_, words) in FREQUENCIES.items() if one.is_recap}
    element: Element = {
        "type": "radio_buttons",
        "action_id": "frequency",
        "options": list(choices.values()),
        "initial_option": choices[recap.frequency if recap else Frequency.DAILY],
    }
    hint = f"In {zone}, your time zone in Slack. A weekly one comes on Mondays, a monthly one on the 1st."
    blocks = [
        field("How often?", element, block_id=Field.FREQUENCY.block_id),
        _time("Time", Field.AT, recap.at if recap else NINE, hint=hint),
    ]
    return modal("Your recap", blocks, callback_id=CALLBACKS.recap, submit="Save")


def read_recap(view: Mapping[str, Any]) -> tuple[Frequency, time]:
    """Read the form. Raises `FieldError`, and ValueError for what we never offered."""
    answered = filled(dict(view))
    return Frequency(answered.option(Field.FREQUENCY.block_id) or ""), _read_time(view, Field.AT)


# --- the form for quiet hours ----------------------------------------------------------------------------------------


def quiet_form(hours: Hours | None, *, zone: str) -> View:
    """Draw the form for quiet hours, with what somebody has."""
    shown = hours or FIRST_HOURS
    choices = {number: option(name, str(number)) for number, name in enumerate(WEEKDAYS)}
    days: Element = {
        "type": "checkboxes",
        "action_id": "days",
        "options": list(choices.values()),
        "initial_options": [choices[day] for day in shown.days],
    }
    said = (
        "Runrate's direct messages to you wait until your quiet hours end; then they come in their order, and none is "
        "lost. Channels are told as ever."
    )
    to = f"In {zone}, your time zone in Slack. An end before the beginning is on the next day."
    blocks = [
        section(said),
        _time("From", Field.STARTS, shown.starts),
        _time("To", Field.ENDS, shown.ends, hint=to),
        field("On which days do they begin?", days, block_id=Field.DAYS.block_id),
    ]
    return modal("Quiet hours", blocks, callback_id=CALLBACKS.quiet, submit="Save")


def read_quiet(view: Mapping[str, Any]) -> Hours:
    """Read the form. Raises `FieldError`, and ValueError for what we never offered."""
    days = filled(dict(view)).options(Field.DAYS.block_id)
    return Hours(
        starts=_read_time(view, Field.STARTS), ends=_read_time(view, Field.ENDS), days=tuple(int(day) for day in days)
    )


def errors(refused: FieldError) -> dict[str, str]:
    """Put a refusal under its field."""
    return {Field(refused.field).block_id: str(refused)}


def _time(label: str, of: Field, initial: time, *, hint: str | None = None) -> Block:
    clock: Element = {"type": "timepicker", "action_id": str(of), "initial_time": f"{initial:%H:%M}"}
    return field(label, clock, block_id=of.block_id, hint=hint)


def _read_time(view: Mapping[str, Any], of: Field) -> time:
    try:
        return time.fromisoformat(filled(dict(view)).time(of.block_id))
    except ValueError as error:
        raise FieldError(of, "Choose a time of day, such as 09:00.") from error
