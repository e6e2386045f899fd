"""What a person muted, as they read it in the Home tab and in the answers to `/mrr mute` and `/mrr unmute`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import Block, button, context, section
from models.account import Account
from scheduler.messages import mrkdwn

MOST_LISTED = 8
LONGEST_NAME = 160


class Length(StrEnum):
    """For how long."""

    DAY = "day"
    WEEK = "week"
    ALWAYS = "always"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    undo: str = "mute_undo"
    undo_at_home: str = "mute_undo_at_home"


ACTIONS = Actions()


@dataclass(frozen=True, kw_only=True)
class MuteRow:
    """A mute; `name` is the account's, None where all signals are muted."""

    what: str
    name: str | None
    until: datetime | None = None


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
