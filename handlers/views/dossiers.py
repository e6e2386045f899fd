"""The forms in which a manager sees in counts what is stored of a person, and erases a contact."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.views.blocks import Block, View, button, field, modal, section, text_input
from handlers.views.filled import filled, subject
from scheduler.messages import mrkdwn

LONGEST = 255
_WHO = "dossier_who"
_WORDS = {
    "contacts": "contact",
    "identities": "id or address that they go by",
    "accounts": "account with their address or id",
    "signals": "signal about them",
    "polled_records": "record that a source's API lists",
    "roles": "role at an account",
    "deliveries": "message to them",
}
"""What a kind of rows is called, one of it; others are named as their table is."""


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    ask: str = "dossier_ask"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    find: str = "dossier_find"
    erase: str = "dossier_erase"
    shown: str = "dossier_shown"


ACTIONS = Actions()
CALLBACKS = Callbacks()


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is stored of somebody, by kind of rows, and whether there is such a contact."""

    who: str
    is_contact: bool
    contact: Mapping[str, int]
    colleague: Mapping[str, int]


def row() -> Block:
    """Draw the line of the Home tab."""
    words = "*Privacy*\nSee what is stored of one person, at a customer's or in Slack, and erase a contact."
    return section(words, accessory=button("Export or erase a person", ACTIONS.ask))


def form() -> View:
    """Ask who it is about."""
    asked = text_input("who", placeholder="ada@example.com") | {"max_length": LONGEST}
    hint = "Or the id that a source knows them by, or a Slack user id."
    blocks = [field("E-mail address", asked, block_id=_WHO, hint=hint)]
    return modal("A person's data", blocks, callback_id=CALLBACKS.find, submit="Look")


def read(view: Mapping[str, Any]) -> str:
    """Read whom it is about."""
    return filled(dict(view)).text(_WHO).strip()


def errors(sentence: str) -> dict[str, str]:
    """Put a refusal under the field."""
    return {_WHO: sentence}


def known(found: Known) -> View:
    """Say what is stored, in counts; of a contact, ask whether it is to be erased."""
    name = mrkdwn.escape(found.who, LONGEST)
    blocks = [section(f"*{name}*\n{_listed(found)}"), section(_how_to_export())]
    if not found.is_contact:
        return modal("A person's data", blocks, callback_id=CALLBACKS.shown, close="Close")
    blocks.append(section(_what_goes()))
    return modal("A person's data", blocks, callback_id=CALLBACKS.erase, submit="Erase", metadata=found.who)


def subject_of(view: Mapping[str, Any]) -> str:
    """Read whom a confirmed erasure is about."""
    return subject(dict(view)) or ""


def erased(who: str) -> View:
    """Say that it is done, as far as it is."""
    words = (
        f"*{mrkdwn.escape(who, LONGEST)}* is being erased. The contact is gone within seconds; events that named them "
        "are shown nowhere from then on, and emptied in the background."
    )
    return modal("A person's data", [section(words)], callback_id=CALLBACKS.shown, close="Close")


def _listed(found: Known) -> str:
    lines = [
        f"• {number:,} × {_WORDS.get(kind, kind.replace('_', ' '))}"
        for counts in (found.contact, found.colleague)
        for kind, number in counts.items()
    ]
    return "\n".join(lines) or "Nothing is stored under this address or id, but for what events may say."


def _how_to_export() -> str:
    return "For all of it, events too, run `runrate people export` with this address or id where Runrate runs."


def _what_goes() -> str:
    return (
        "*Erase* takes them out of contacts, events, signals and accounts. It can't be brought back. What a source "
        "says later begins a new contact, so erase them there first. Roles of colleagues and messages in Slack stay."
    )
