"""A destination in detail: what it tells whom and when, how it fares, who answers for it, and who changed what."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from handlers.views import deliveries, destinations, mutes, recap_now
from handlers.views.blocks import Block, Element, View, actions, button, context, divider, modal, section
from handlers.views.destinations import FREQUENCIES, MENU_WORDS, DestinationRow, Menu, ordinal
from handlers.views.listing import Listing
from models import locale
from models.attribute import label
from models.fact import MovementKind
from models.holiday import name_of
from models.schedule import WEEKDAYS
from models.wish import Frequency
from scheduler.messages import mrkdwn
from scheduler.messages.keeper import Gone
from scheduler.messages.movement import KINDS

CHANGES_SHOWN = 8
MOST_TROUBLES = 5
MUTES_SHOWN = 5


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    newer: str = "destination_newer_changes"
    older: str = "destination_older_changes"
    unmute: str = "destination_unmute"

    def button(self, choice: Menu) -> str:
        """Name the button that does what the menu of the same words does."""
        return f"destination_details_{choice}"


ACTIONS = Actions()
CALLBACK = "destination_details"


@dataclass(frozen=True, kw_only=True)
class Change:
    """What somebody did, as the audit has it; `about` is the account's name, where it was about one that is known."""

    actor: str
    action: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    about: str | None = None
    at: datetime


@dataclass(frozen=True)
class MutedHere:
    """An account of which the destination doesn't tell, until an instant or until that is undone."""

    account_id: str
    name: str
    until: datetime | None
    by: str


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """How many messages were given up of late, and why the newest was."""

    count: int
    reason: str
    fix: str | None = None


@dataclass(frozen=True, kw_only=True)
class DestinationDetails:
    """All that is known of a destination. Whoever may not change it is told of no failure, nor who changed what."""

    row: DestinationRow
    attributes: tuple[str, ...] = ()
    locale: str | None = None
    group_minutes: int | None = None
    has_threads: bool = False
    mentions: str | None = None
    tells_empty: bool = True
    created_by: str
    created_at: datetime
    kept_by: str
    gone: Gone | None = None
    """How whoever answered for it is gone; None while they aren't."""
    may_change: bool = False
    given_up: GivenUp | None = None
    mutes: Listing[MutedHere] = field(default_factory=Listing)
    changes: Listing[Change] = field(default_factory=Listing)
    page: int = 0


def draw(details: DestinationDetails) -> View:
    """Draw the details; with what can be done, for whoever may."""
    facts = [mrkdwn.marked(f"{mrkdwn.bold(name)}\n{text}") for name, text in _facts(details)]
    way = f"\n{_way(details)}" if _way(details) else ""
    blocks = [section(f"{destinations.what(details.row)}{way}"), {"type": "section", "fields": facts}]
    if details.may_change:
        blocks += [*_troubles(details), *_buttons(details.row), *_mutes(details), divider(), *_changes(details)]
    return modal("Destination", blocks, callback_id=CALLBACK, close="Close", metadata=details.row.id)


def read_id(action: Mapping[str, Any]) -> str:
    """Read the destination's id from a press on a button that opens its details, or in them."""
    return str(action.get("value") or "").partition(" ")[0]


def read_page(action: Mapping[str, Any]) -> int:
    """Read which page of the changes is wanted, from 0."""
    page = str(action.get("value") or "").partition(" ")[2]
    return int(page) if page.isdecimal() else 0


def _facts(details: DestinationDetails) -> list[tuple[str, str]]:
    row = details.row
    last = mrkdwn.moment(row.last_sent_at) if row.last_sent_at else "nothing yet"
    waiting = [("Waiting", "1 update" if row.waiting == 1 else f"{row.waiting:,} updates")] if row.waiting else []
    return [
        ("State", destinations.pause(row) or _state(row)),
        ("Last sent", last),
        ("Next", _next(row)),
        *(waiting if details.may_change else []),
        ("Made", f"{mrkdwn.day(details.created_at)} by {_who(details.created_by)}"),
        ("Answers for it", _keeper(details)),
    ]


def _state(row: DestinationRow) -> str:
    if not row.failing:
        return "Active"
    return "Can't post" if len(row.recipients) == len(row.failing) else "Can't post everywhere"


def _way(details: DestinationDetails) -> str:
    """Say how it tells: `Shows Country and Segment · mentions the owner · a thread per account`."""
    labels = mrkdwn.listed((mrkdwn.escape(label(key), 60) for key in details.attributes), most=10)
    grouped = f"changes of an account within {details.group_minutes} min told as one" if details.group_minutes else ""
    of_movements = (
        f"shows {labels}" if labels else "",
        f"mentions the {mrkdwn.escape(details.mentions, 60)}" if details.mentions else "",
        grouped,
        "a thread per account" if details.has_threads else "",
    )
    of_recaps = ("periods in which nothing moved are left out" if not details.tells_empty else "",)
    numbers = f"numbers as in {locale.named(details.locale).english}" if details.locale else ""
    parts = (*(of_recaps if details.row.frequency.is_recap else of_movements), numbers)
    line = " · ".join(part for part in parts if part)
    return f"{line[:1].upper()}{line[1:]}"


def _next(row: DestinationRow) -> str:
    if row.next_run_at is not None:
        return mrkdwn.moment(row.next_run_at)
    if row.is_paused:
        return "once it is resumed" if row.paused_until is None else "once the pause is over"
    return "with the next movement"


def _keeper(details: DestinationDetails) -> str:
    if details.gone is None:
        return _who(details.kept_by)
    return f"*nobody*: {_who(details.kept_by)} {details.gone}"


def _who(actor: str) -> str:
    """Name who did something: a person of the workspace, or `command line`."""
    return mrkdwn.person(actor) if actor[:1] in {"U", "W"} else mrkdwn.escape(actor, 60)


def _troubles(details: DestinationDetails) -> list[Block]:
    """Say what stands in the way and what was given up, each with what to do about it."""
    more = len(details.row.failing) - MOST_TROUBLES
    shown = [
        section(deliveries.told(one), accessory=deliveries.try_now_button(one.target) if one.waiting else None)
        for one in details.row.failing[:MOST_TROUBLES]
    ]
    rest = [context(f"and {more} more")] if more > 0 else []
    return [*shown, *rest, *([section(_given_up(details.given_up))] if details.given_up else [])]


def _given_up(given_up: GivenUp) -> str:
    fix = f" {mrkdwn.escape(given_up.fix, 600)}" if given_up.fix else ""
    return (
        f"*{given_up.count:,} given up in the last week*, the newest because {mrkdwn.escape(given_up.reason, 300)}."
        f"{fix} `/mrr deliveries` retries them."
    )


def _buttons(row: DestinationRow) -> list[Block]:
    first = (Menu.EDIT, Menu.TEST, Menu.RESUME if row.is_paused else Menu.PAUSE)
    second = (Menu.DUPLICATE, Menu.HAND_OVER, Menu.DELETE)
    send = [recap_now.send_button(row.id)] if row.frequency.is_recap and not row.is_paused else []
    return [
        actions(*(_button(choice, row) for choice in first), *send),
        actions(*(_button(one, row) for one in second)),
    ]


def _button(choice: Menu, row: DestinationRow) -> Element:
    style = {Menu.EDIT: "primary", Menu.DELETE: "danger"}.get(choice)
    drawn = button(MENU_WORDS[choice], ACTIONS.button(choice), value=f"{choice} {row.id}")
    return drawn | ({"style": style} if style else {})


def _mutes(details: DestinationDetails) -> list[Block]:
    """List the accounts that are muted here, each with what ends that."""
    shown, more = details.mutes.rows, details.mutes.total - len(details.mutes.rows)
    rest = [context(f"and {more:,} more; `/mrr why ACCOUNT` ends one")] if more > 0 else []
    return [section("*Muted here*"), *(_muted(one, details.row.id) for one in shown), *rest] if shown else []


def _muted(one: MutedHere, destination_id: str) -> Block:
    end = button("Undo", ACTIONS.unmute, value=mutes.place_of(destination_id, one.account_id))
    name = mrkdwn.escape(one.name, mutes.LONGEST_NAME)
    return section(f"{name} · {mutes.span(one.until)}, by {_who(one.by)}", accessory=end)


def _changes(details: DestinationDetails) -> list[Block]:
    """Say who changed what, the newest first, a page at a time."""
    first = details.page * CHANGES_SHOWN + 1
    shown = details.changes.rows[:CHANGES_SHOWN]
    lines = [context(_change(one)) for one in shown]
    if len(shown) == details.changes.total:
        return [section("*Who changed what*"), *lines]
    there = f" · {first}–{first + len(shown) - 1} of {details.changes.total}" if shown else ""
    turns = [("Newer", ACTIONS.newer, details.page - 1)] if details.page else []
    turns += [("Older", ACTIONS.older, details.page + 1)] if first + len(shown) <= details.changes.total else []
    buttons = [button(words, name, value=f"{details.row.id} {page}") for words, name, page in turns]
    return [section(f"*Who changed what*{there}"), *lines, actions(*buttons)]


def _change(change: Change) -> str:
    return f"{_who(change.actor)} {in_words(change)} · {mrkdwn.moment(change.at)}"


def in_words(change: Change) -> str:
    """Say what was done, after the name of who did it: `changed the time (09:00 → 10:30) and who hears of it`."""
    detail = change.detail
    match change.action.removeprefix("destination."):
        case "edited":
            return f"changed {_fields(detail.get('changed') or {})}"
        case "paused":
            until = detail.get("until")
            return f"paused it until {mrkdwn.moment(datetime.fromisoformat(until))}" if until else "paused it"
        case "handed_over" if detail["to"] == change.actor:
            return "took it over"
        case "handed_over":
            return f"let {_who(str(detail['to']))} answer for it"
        case "account_muted" | "account_unmuted":
            return _silenced(change)
        case other:
            return DONE.get(other) or f"noted: {mrkdwn.escape(other.replace('_', ' '), 80)}"


def _silenced(change: Change) -> str:
    name = mrkdwn.escape(change.about, 80) if change.about else "an account that is gone"
    if change.action.endswith("unmuted"):
        return f"let it tell of {name} again"
    return f"muted {name} {_length(change.detail.get('until'), since=change.at)}"


def _length(until: str | None, *, since: datetime) -> str:
    """Say for how long an account was muted, as it was chosen: `for a week`."""
    end = datetime.fromisoformat(until) if until else None
    return LENGTHS.get(end - since, mutes.span(end)) if end else mutes.span(None)


LENGTHS = {timedelta(days=1): "for a day", timedelta(days=7): "for a week"}

DONE = {
    "created": "made it",
    "resumed": "resumed it",
    "tested": "sent a test",
    "sent_now": "sent the last recap",
}
"""What else was done."""


FIELDS = {
    "name": "the name",
    "frequency": "the frequency",
    "at": "the time",
    "zone": "the time zone",
    "weekday": "the day of the week",
    "month_day": "the day of the month",
    "is_business": "business days only",
    "country": "whose holidays count",
    "recipients": "who hears of it",
    "kinds": "the kinds of movements",
    "least_gain": "the minimum gain",
    "least_gain_share": "the minimum gain in percent",
    "least_loss": "the minimum loss",
    "least_loss_share": "the minimum loss in percent",
    "conditions": "the accounts of which it tells",
    "attributes": "the attributes that it shows",
    "locale": "how numbers are written",
    "group_minutes": "the minutes of one message",
    "has_threads": "a thread per account",
    "mentions": "whom it mentions",
    "tells_empty": "recaps of empty periods",
}
"""Each field of a destination, in the words of a sentence."""


def _fields(changed: Mapping[str, Any]) -> str:
    parts = [f"{FIELDS[name]}{_values(name, changed[name])}" for name in FIELDS if name in changed]
    return mrkdwn.listed(parts, most=len(FIELDS)) or "something"


def _values(name: str, values: Sequence[Any] | None) -> str:
    """Say from what to what, where the audit kept that: ` (09:00 → 10:30)`."""
    if not isinstance(values, list) or len(values) != 2:  # noqa: PLR2004 - before and after
        return ""
    before, after = (_value(name, value) for value in values)
    return f" ({before} → {after})"


def _value(name: str, value: Any) -> str:
    if value in (None, "", []):
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return WRITTEN.get(name, _as_it_is)(value)


def _as_it_is(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else mrkdwn.escape(str(value), 90)


def _kinds(value: Sequence[str]) -> str:
    words = [KINDS[MovementKind(kind)].word for kind in value]
    return "all" if len(words) == len(KINDS) else mrkdwn.listed(words, most=len(KINDS))


def _percent(value: int) -> str:
    return f"{value / 100:g} %"


WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "frequency": lambda value: FREQUENCIES[Frequency(value)][0],
    "weekday": lambda value: WEEKDAYS[value],
    "month_day": ordinal,
    "country": name_of,
    "kinds": _kinds,
    "recipients": lambda value: mrkdwn.listed(map(mrkdwn.channel, value), most=5),
    "attributes": lambda value: mrkdwn.listed((mrkdwn.escape(label(key), 60) for key in value), most=5),
    "least_gain_share": _percent,
    "least_loss_share": _percent,
}
"""How the values of some fields are written."""
