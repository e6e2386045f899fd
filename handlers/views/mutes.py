"""What a person muted, as they read it in the Home tab and in the answers to `/mrr mute` and `/mrr unmute`.

From a message's menu a modal asks where its account is to be silent, and for how long: in the reader's own direct
messages, or where they manage Runrate in the whole destination that told of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import Block, Element, View, button, context, field, modal, option, section
from handlers.views.filled import filled
from models.account import Account
from scheduler.messages import mrkdwn

MOST_LISTED = 8
LONGEST_NAME = 160


class Length(StrEnum):
    """For how long."""

    DAY = "day"
    WEEK = "week"
    ALWAYS = "always"


LENGTHS = {Length.DAY: "1 day", Length.WEEK: "1 week", Length.ALWAYS: "Until it is undone"}


class Place(StrEnum):
    """Where an account is silent."""

    OWN = "own"
    DESTINATION = "destination"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    undo: str = "mute_undo"
    undo_at_home: str = "mute_undo_at_home"
    undo_in_modal: str = "mute_undo_in_modal"
    undo_in_destination: str = "mute_undo_in_destination"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    mute: str = "account_mute"


ACTIONS = Actions()
CALLBACKS = Callbacks()
PLACE, LENGTH = "mute_place", "mute_length"
"""The fields."""
TITLE = "Mute this account"
GONE = "Runrate doesn't know any more which account this message tells of. `/mrr mute ACCOUNT` mutes one by its name."


@dataclass(frozen=True, kw_only=True)
class MuteRow:
    """A mute; `name` is the account's, None where all signals are muted."""

    what: str
    name: str | None
    until: datetime | None = None


@dataclass(frozen=True)
class Lasting:
    """That an account is silent somewhere, until an instant or until that is undone."""

    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class Muting:
    """The account of which a message tells, and where it is silent by now.

    `destination_name` is that of the destination that told of it, where the reader may silence that one.
    """

    delivery_id: str
    name: str
    destination_name: str | None
    is_direct: bool
    own: Lasting | None = None
    in_destination: Lasting | None = None


@dataclass(frozen=True)
class Choice:
    """Where and for how long somebody wants to hear nothing."""

    place: Place
    length: Length


def read_length(typed: str) -> tuple[str, Length]:
    """Part what was typed after the command's word into an account and a length, which may be left out."""
    name, _, last = typed.rpartition(" ")
    word = last.casefold()
    return (name.strip(), Length(word)) if name and word in set(Length) else (typed, Length.ALWAYS)


def read(action: Mapping[str, Any]) -> str:
    """Read which mute a press ends."""
    return str(action.get("value"))


def muted(about: Account, until: datetime | None) -> Answer:
    """Answer what isn't told any more, and for how long."""
    span = f"until {mrkdwn.moment(until)}" if until else "until you undo this"
    text = f"You get no direct messages about {_name(about)} {span}. Channels are told of it as before."
    return _answer(text, section(text, accessory=button("Undo", ACTIONS.undo, value=about.id)))


def unmuted(about: Account, *, was_muted: bool) -> Answer:
    """Answer that an account is told of again."""
    text = f"You hear of {_name(about)} again." if was_muted else f"You hadn't muted {_name(about)}."
    return _answer(text, section(text))


def undone() -> Answer:
    """Answer that a mute is over."""
    text = "You hear of it again."
    return _answer(text, section(text))


def told_again(destination_name: str) -> Answer:
    """Answer that a destination tells of an account again."""
    text = f"{mrkdwn.quoted(destination_name)} tells of it again."
    return _answer(text, section(text))


def listing(rows: Sequence[MuteRow]) -> Answer:
    """Answer what is muted."""
    if not rows:
        text = "You have muted nothing. `/mrr mute ACCOUNT` stops direct messages about an account."
        return _answer(text.replace("`", ""), section(text))
    return _answer("What you muted", *blocks(rows, undo=ACTIONS.undo))


def blocks(rows: Sequence[MuteRow], *, undo: str = ACTIONS.undo_at_home) -> list[Block]:
    """List what is muted, each with what ends that."""
    if not rows:
        return []
    shown, more = rows[:MOST_LISTED], len(rows) - MOST_LISTED
    listed = [section(_row(one), accessory=button("Undo", undo, value=one.what)) for one in shown]
    rest = [context(f"and {more} more; end one with `/mrr unmute ACCOUNT`")] if more > 0 else []
    return [section("*What you muted*"), *listed, *rest]


def line(rows: Sequence[MuteRow]) -> str:
    """Say in one line what is muted."""
    names = (mrkdwn.escape(one.name, 80) if one.name else "all signals" for one in rows)
    return f"You muted {mrkdwn.listed(names, most=3)}; `/mrr unmute` lists and ends that."


def _row(one: MuteRow) -> str:
    what = mrkdwn.escape(one.name, LONGEST_NAME) if one.name else "All signals"
    return f"{what} · {f'until {mrkdwn.moment(one.until)}' if one.until else 'until you undo it'}"


def _name(about: Account) -> str:
    return mrkdwn.bold(mrkdwn.escape(about.display_name, LONGEST_NAME))


def _answer(text: str, *drawn: Block) -> Answer:
    return Answer(response_type="ephemeral", text=text, blocks=list(drawn))


def question(muting: Muting) -> View:
    """Draw what is asked of whoever chose “Mute this account…”, with what is muted already."""
    what = mrkdwn.bold(mrkdwn.escape(muting.name, LONGEST_NAME))
    has_choice = muting.destination_name is not None
    blocks = [
        section((WHERE_CHOSEN if has_choice else IN_PERSON).format(what)),
        *_standing(muting),
        *([_place(muting)] if has_choice else []),
        field("For how long?", _radio(LENGTH, LENGTHS, Length.WEEK), block_id=LENGTH),
    ]
    return modal(TITLE, blocks, callback_id=CALLBACKS.mute, submit="Mute", metadata=muting.delivery_id)


WHERE_CHOSEN = "This stops messages about {} where you choose. Recaps and reports count it as before."
IN_PERSON = "This stops your own direct messages about {}. Channels are told of it as before."


def muted_view(muting: Muting) -> View:
    """Say where the account is silent now, each with what ends that."""
    blocks = _standing(muting) or [
        section(f"{mrkdwn.bold(mrkdwn.escape(muting.name, LONGEST_NAME))} is not muted any more.")
    ]
    return modal(TITLE, blocks, callback_id="muted", close="Done", metadata=muting.delivery_id)


def gone_view() -> View:
    """Say that a message's account is known no more."""
    return modal(TITLE, [section(GONE)], callback_id="sentence", close="Close")


def read_choice(view: Mapping[str, Any]) -> Choice:
    """Read what was answered; where only one place was offered, that. Raises ValueError for what we never offered."""
    answered = filled(dict(view))
    return Choice(Place(answered.option(PLACE) or Place.OWN), Length(answered.option(LENGTH) or Length.WEEK))


def read_place(action: Mapping[str, Any]) -> Place:
    """Read which mute a press in the modal ends. Raises ValueError for what we never offered."""
    return Place(str(action.get("value")))


def place_of(destination_id: str, account_id: str) -> str:
    """Name an account in a destination, as the button has it that ends its silence there."""
    return f"{destination_id} {account_id}"


def read_place_of(action: Mapping[str, Any]) -> tuple[str, str]:
    """Read which destination is to tell of which account again."""
    destination_id, _, account_id = str(action.get("value")).partition(" ")
    return destination_id, account_id


def _place(muting: Muting) -> Block:
    name = mrkdwn.shown(muting.destination_name or "", 40)
    places = {Place.DESTINATION: f"In “{name}”, for everybody it tells", Place.OWN: "In my own direct messages"}
    starting = Place.OWN if muting.is_direct else Place.DESTINATION
    return field("Where?", _radio(PLACE, places, starting), block_id=PLACE)


def _radio(action_id: str, choices: Mapping[Any, str], starting: StrEnum) -> Element:
    options = {value: option(words, value) for value, words in choices.items()}
    initial = options[starting]
    return {
        "type": "radio_buttons",
        "action_id": action_id,
        "options": list(options.values()),
        "initial_option": initial,
    }


def _standing(muting: Muting) -> list[Block]:
    """List where the account is silent already."""
    name = mrkdwn.bold(mrkdwn.escape(muting.name, LONGEST_NAME))
    inside = f"in {mrkdwn.quoted(muting.destination_name or '')}"
    places = {Place.DESTINATION: (inside, muting.in_destination), Place.OWN: ("in your direct messages", muting.own)}
    return [
        section(
            f"{name} is muted {where} {span(lasting.until)}.",
            accessory=button("Undo", ACTIONS.undo_in_modal, value=place),
        )
        for place, (where, lasting) in places.items()
        if lasting is not None
    ]


def span(until: datetime | None) -> str:
    """Say for how long something is silent."""
    return f"until {mrkdwn.moment(until)}" if until else "until it is undone"
