"""A destination in lists, its menu, and the question before it is deleted; and what a person chose there."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from handlers.views.blocks import (
    Block,
    Element,
    View,
    button,
    in_a_row,
    modal,
    option,
    overflow,
    section,
)
from handlers.views.recipients import there, words
from models.attribute import label
from models.condition import Condition, Criterion
from models.filter import EVERYTHING, Filter
from models.holiday import name_of
from models.ledger import Failing
from models.recipient import To
from models.schedule import LAST_OF_MONTH, MONDAY, NINE, WEEKDAYS
from models.wish import Frequency
from models.zone import UTC
from scheduler.messages import mrkdwn, notice, welcome
from scheduler.messages.movement import KINDS

MOST_TROUBLES = 3
_DOT = " · "

FREQUENCIES = {
    Frequency.REAL_TIME: ("Real-time", "Real-time: each movement as it happens"),
    Frequency.DAILY: ("Daily", "Daily: a recap of the day before"),
    Frequency.WEEKLY: ("Weekly", "Weekly: a recap of the week before, from Monday to Sunday"),
    Frequency.MONTHLY: ("Monthly", "Monthly: a recap of the month before"),
}
"""Each frequency as words for lists, and as a choice."""


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    new: str = welcome.ACTIONS.new
    edits: tuple[str, ...] = in_a_row(notice.ACTIONS.edit)
    menu: str = "destination_menu"
    details: str = "destination_details"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    delete: str = "destination_delete"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Menu(StrEnum):
    """What can be done with a destination. The menu beside it has room for five of these; its details offer all."""

    DETAILS = "details"
    EDIT = "edit"
    PAUSE = "pause"
    RESUME = "resume"
    TEST = "test"
    DUPLICATE = "duplicate"
    HAND_OVER = "hand_over"
    DELETE = "delete"


MENU_WORDS = {
    Menu.DETAILS: "Details",
    Menu.EDIT: "Edit",
    Menu.PAUSE: "Pause",
    Menu.RESUME: "Resume",
    Menu.TEST: "Send a test",
    Menu.DUPLICATE: "Duplicate",
    Menu.HAND_OVER: "Hand over",
    Menu.DELETE: "Delete",
}


ABBREVIATED = {"role:csm": "CSM"}
"""Usual criteria that are no words."""


@dataclass(frozen=True, kw_only=True)
class DestinationRow:
    """A destination in a list. `failing` are those of its recipients to which nothing gets through.

    Of one that is paused, `paused_until` says when that ends by itself, if it does.
    """

    id: str
    name: str
    frequency: Frequency = Frequency.REAL_TIME
    at: time = NINE
    zone: str = UTC
    weekday: int = MONDAY
    month_day: int = 1
    is_business: bool = False
    country: str | None = None
    next_run_at: datetime | None = None
    recipients: tuple[To, ...]
    remarks: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """What stands in the way of telling people, in a word, by their user ids."""
    filter: Filter = EVERYTHING
    holders: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The names of colleagues in its conditions, by their e-mail addresses."""
    is_paused: bool = False
    paused_until: datetime | None = None
    last_sent_at: datetime | None = None
    waiting: int = 0
    failing: tuple[Failing, ...] = ()
    is_unkept: bool = False
    """That whoever answered for it is gone."""


def new_button(*, channel_id: str | None = None, primary: bool = False) -> Element:
    """Draw the button that opens an empty form, or one with a channel filled in."""
    return button("New destination", ACTIONS.new, value=channel_id, style="primary" if primary else None)


def details_button(destination_id: str) -> Element:
    """Draw the button that opens the details of a destination."""
    return button("Details", ACTIONS.details, value=destination_id)


def tested(name: str, recipients: Sequence[To]) -> str:
    """Say that a test is on its way, and where one reads why it doesn't arrive."""
    where = words(recipients, most=8) or "nobody"
    return (
        f"A test of {mrkdwn.quoted(name)} is on its way to {where}. Should it not arrive, `/mrr deliveries` says why."
    )


def read_edit(action: Mapping[str, Any]) -> str:
    """Read the destination's id from a press on the button that opens its form."""
    return str(action.get("value") or "")


def row(destination: DestinationRow) -> Block:
    """Draw a destination in a manager's list."""
    return section(f"{what(destination)}\n{_state(destination)}", accessory=menu(destination))


def listed(destination: DestinationRow, *, may_change: bool) -> Block:
    """Draw a destination in the answer to `/mrr list`, or in the Home tab of whoever changes nothing."""
    if may_change:
        return row(destination)
    return section(told(destination), accessory=details_button(destination.id))


def told(destination: DestinationRow) -> str:
    """Say what is told where, when last and when next."""
    return f"{what(destination)}\n{_sends(destination)}"


def what(destination: DestinationRow) -> str:
    """Say how often it tells whom, and what alone."""
    where = words(destination.recipients, most=8, remarks=destination.remarks)
    name = mrkdwn.bold(mrkdwn.escape(destination.name, 160))
    filtered = "" if destination.frequency.is_recap else _filtered(destination.filter, destination.holders)
    return f"{name} · {_when(destination)} to {where or 'nobody'}{filtered}"


def _filtered(wanted: Filter, holders: Mapping[str, str]) -> str:
    """Say in a line of its own what is told only: `Only Churn · losses from 500 · Country is Germany or France`."""
    parts = [
        _kinds(wanted),
        _minimum_in_words("gains", wanted.least_gain, wanted.least_gain_share),
        _minimum_in_words("losses", wanted.least_loss, wanted.least_loss_share),
        *(_condition_in_words(one, holders) for one in wanted.conditions),
    ]
    line = _DOT.join(part for part in parts if part)
    return f"\n{line[0].upper()}{line[1:]}" if line else ""


def _minimum_in_words(what: str, amount: int | None, share: int | None) -> str:
    least = minimum_typed(amount, share)
    return f"{what} from {least}{' of MRR' if share else ''}" if least else ""


def minimum_typed(amount: int | None, share: int | None) -> str:
    """Write a minimum as one types it: `500 and 0.5 %`."""
    return " and ".join(
        part for part in (f"{amount:,}" if amount else "", f"{share / 100:g} %" if share else "") if part
    )


def _condition_in_words(condition: Condition, holders: Mapping[str, str]) -> str:
    values = (mrkdwn.escape(holders.get(value, value), 60) for value in condition.values)
    return f"{mrkdwn.escape(criterion_word(condition.criterion), 60)} is {mrkdwn.listed(values, most=3, last='or')}"


def criterion_word(of: Criterion) -> str:
    """Name a criterion: `Country`, `CSM`."""
    return ABBREVIATED.get(of.key) or label(of.name or of.about) or of.name


def _kinds(wanted: Filter) -> str:
    """Name the kinds that are told, or the one that is not; nothing where all are."""
    unwanted = [kind for kind in KINDS if kind not in wanted.kinds]
    match unwanted:
        case []:
            return ""
        case [only]:
            return f"all but {KINDS[only].word}"
        case _:
            return f"only {mrkdwn.listed((KINDS[kind].word for kind in wanted.kinds), most=len(KINDS))}"


def pause(destination: DestinationRow) -> str:
    """Say that it is paused, and until when; nothing where it isn't."""
    if not destination.is_paused:
        return ""
    until = destination.paused_until
    return f"*Paused until {mrkdwn.moment(until)}*" if until else "*Paused until it is resumed*"


def _when(destination: DestinationRow) -> str:
    """Say how often, and for a recap at what time: `Daily at 09:00 UTC`."""
    words, _ = FREQUENCIES[destination.frequency]
    if not destination.frequency.is_recap:
        return words
    return f"{words}{_on(destination)} at {destination.at:%H:%M} {mrkdwn.escape(destination.zone, 64)}"


def _on(destination: DestinationRow) -> str:
    """Say on which days recaps come: `, on Mondays`, `, on the last day, or the next business day (Germany)`."""
    match destination.frequency:
        case Frequency.WEEKLY:
            own = f"on {WEEKDAYS[destination.weekday]}s"
        case Frequency.MONTHLY:
            own = f"on the {ordinal(destination.month_day)}"
        case _:
            own = ""
    business = f"{'or the next business day' if own else 'on business days'}{_of(destination.country)}"
    days = ", ".join(part for part in (own, business if destination.is_business else "") if part)
    return f", {days}" if days else ""


def _of(country: str | None) -> str:
    return f" ({name_of(country)})" if country else ""


def ordinal(day: int) -> str:
    """Say which day of the month: `1st`, `last day`."""
    if day == LAST_OF_MONTH:
        return "last day"
    teens = range(11, 14)
    return f"{day}{'th' if day in teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _state(destination: DestinationRow) -> str:
    waiting = f" · {destination.waiting} waiting" if destination.waiting else ""
    troubles = "".join(f"\n{line}" for line in _troubles(destination))
    unkept = "\n*Nobody answers for it*: it can be handed over in its details" if destination.is_unkept else ""
    return f"{_sends(destination)}{waiting}{troubles}{unkept}"


def _troubles(destination: DestinationRow) -> list[str]:
    """Say where it can't tell anything, why, and what to do: a line for each such recipient."""
    more = len(destination.failing) - MOST_TROUBLES
    lines = [
        f"*Can't {there(To(one.recipient_kind, one.target))}*: "
        f"{mrkdwn.escape(one.reason, 160)}. {mrkdwn.escape(one.fix, 160)}"
        for one in destination.failing[:MOST_TROUBLES]
    ]
    return [*lines, *([f"and {more} more"] if more > 0 else [])]


def _sends(destination: DestinationRow) -> str:
    last, following = destination.last_sent_at, destination.next_run_at
    sent = f"Last sent {mrkdwn.moment(last)}" if last else "Nothing sent yet"
    coming = f"next: {mrkdwn.moment(following)}" if following else ""
    return _DOT.join(part for part in (pause(destination), sent, coming) if part)


def menu(destination: DestinationRow) -> Element:
    """Draw the menu beside a destination; where it is paused, the end of that comes first."""
    first = (Menu.RESUME, Menu.EDIT) if destination.is_paused else (Menu.EDIT, Menu.PAUSE)
    every = (*first, Menu.TEST, Menu.DETAILS, Menu.DELETE)
    choices = (option(MENU_WORDS[choice], f"{choice} {destination.id}") for choice in every)
    return overflow(ACTIONS.menu, *choices)


def read_menu(action: Mapping[str, Any]) -> tuple[Menu, str]:
    """Read what was chosen in the menu or pressed in the details, and the destination's id.

    Raises ValueError for what we never offered.
    """
    choice, _, destination_id = str((action.get("selected_option") or action).get("value")).partition(" ")
    return Menu(choice), destination_id


def delete_question(*, destination_id: str, name: str, recipients: Sequence[To], waiting: int) -> View:
    """Draw the question before a destination is deleted, with what will happen."""
    where = words(recipients, most=5)
    ends = f"Nothing more is posted to {where} for it." if where else "Nothing more is posted for it."
    unsent = {0: "", 1: " The 1 update still waiting is not sent."}.get(
        waiting, f" The {waiting} updates still waiting are not sent."
    )
    text = f"Delete {mrkdwn.bold(mrkdwn.escape(name, 160))}?\n{ends}{unsent} Messages already posted stay."
    return modal(
        "Delete destination",
        [section(text)],
        callback_id=CALLBACKS.delete,
        submit="Delete",
        close="Keep",
        metadata=destination_id,
    )
