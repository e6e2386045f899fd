"""A source's row, its forms and its menu: adding it, its address and key, what of it was refused, removing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.views import segment
from handlers.views.blocks import (
    Block,
    Element,
    View,
    button,
    context,
    divider,
    field,
    modal,
    option,
    overflow,
    section,
    text_input,
)
from handlers.views.filled import filled
from handlers.views.samples import curl_line
from models.source import AccountCreation, SourceKind
from scheduler.messages import mrkdwn

MOST_REFUSED = 20


@dataclass(frozen=True)
class Words:
    """A kind of source for people."""

    name: str
    brings: str


KINDS = {
    SourceKind.API: Words("Your own system", "Sends movements, accounts and roles as JSON"),
    SourceKind.CHARTMOGUL: Words("ChartMogul", "Sends each MRR movement through a webhook"),
    SourceKind.SEGMENT: Words("Segment", "Sends accounts, contacts and attributes"),
    SourceKind.CSV: Words("Files", "Brought by runrate import"),
}
CONNECTED = (SourceKind.API, SourceKind.CHARTMOGUL, SourceKind.SEGMENT)
"""The kinds that have a webhook, and so can be added."""


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    add: str = "source_add"
    kind: str = "source_kind"
    menu: str = "source_menu"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    add: str = "source_add"
    remove: str = "source_remove"
    shown: str = "source_shown"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Menu(StrEnum):
    """What the menu beside a source offers."""

    SHOW = "show"
    REFUSED = "refused"
    REMOVE = "remove"


class Field(StrEnum):
    """The fields of the form, by the names under which they can be refused."""

    NAME = "name"
    KIND = "kind"
    ACCOUNT_CREATION = "account_creation"

    @property
    def block_id(self) -> str:
        """Name the field's block."""
        return f"source_{self}"


@dataclass(frozen=True, kw_only=True)
class SourceRow:
    """A source in a list. `url` is its webhook URL, where a test event to it is to be offered."""

    id: str
    name: str
    kind: SourceKind
    url: str | None = None
    last_event_at: datetime | None = None
    refused: int = 0


@dataclass(frozen=True, kw_only=True)
class SourceForm:
    """What the form starts with, and what a person made of it."""

    name: str = ""
    kind: SourceKind = SourceKind.API
    account_creation: AccountCreation = AccountCreation.COMPANY


@dataclass(frozen=True, kw_only=True)
class SourceAddress:
    """Where a source's events are to be sent: for managers' eyes only."""

    id: str
    name: str
    kind: SourceKind
    url: str
    key: str
    tracking_url: str
    """Where Segment's libraries send to: our public address."""
    shared_secret: str | None = None
    """What Segment's Webhook destination signs with."""


@dataclass(frozen=True, kw_only=True)
class RefusedEvent:
    """An event that was refused: which record, which field of it, and why."""

    record: str
    field: str
    reason: str
    at: datetime


def add_button(*, primary: bool = False) -> Element:
    """Draw the button that opens the form."""
    return button("Add source", ACTIONS.add, style="primary" if primary else None)


def row(source: SourceRow, *, now: datetime) -> Block:
    """Draw a source in a manager's list; a silent one that has its URL here, with a line that sends a first event."""
    last = source.last_event_at
    heard = f"Last event {mrkdwn.moment(last)}" if last else "Waiting for your first event"
    refused = f" · {source.refused} refused" if source.refused else ""
    text = f"{mrkdwn.bold(mrkdwn.escape(source.name, 160))} · {KINDS[source.kind].name}\n{heard}{refused}"
    line = curl_line(source.kind, source.url, now=now) if source.url and not last else None
    if line:
        text += f". Send a test from a terminal:\n{mrkdwn.code_block(line)}"
    elif not last and source.kind in CONNECTED:
        text += ". “Show URL” in the menu says where to send it."
    return section(text, accessory=menu(source.id, source.kind, refused=source.refused))


def menu(source_id: str, kind: SourceKind, *, refused: int) -> Element:
    """Draw the menu beside a source; an import has no URL to show."""
    offered = [("Show URL", Menu.SHOW)] if kind in CONNECTED else []
    offered += [("Refused events", Menu.REFUSED)] if refused else []
    offered += [("Remove", Menu.REMOVE)]
    return overflow(ACTIONS.menu, *(option(words, f"{choice} {source_id}") for words, choice in offered))


def read_menu(action: Mapping[str, Any]) -> tuple[Menu, str]:
    """Read what was chosen in the menu, and the source's id. Raises ValueError for what we never offered."""
    choice, _, source_id = str((action.get("selected_option") or {}).get("value")).partition(" ")
    return Menu(choice), source_id


def form(filled_in: SourceForm) -> View:
    """Draw the form for a new source. It is drawn again when another kind is chosen, and keeps what was typed."""
    name = text_input("name", initial=filled_in.name, placeholder="Billing")
    blocks = [field("Name", name, block_id=Field.NAME.block_id), _kind(filled_in)]
    if filled_in.kind == SourceKind.SEGMENT:
        blocks.append(_account_creation(filled_in))
    return modal("Add source", blocks, callback_id=CALLBACKS.add, submit="Add")


def _kind(filled_in: SourceForm) -> Block:
    options = {kind: option(KINDS[kind].name, kind, description=KINDS[kind].brings) for kind in CONNECTED}
    element = {
        "type": "radio_buttons",
        "action_id": ACTIONS.kind,
        "options": list(options.values()),
        "initial_option": options[filled_in.kind],
    }
    return field("What sends", element, block_id=Field.KIND.block_id, dispatch=True)


def _account_creation(filled_in: SourceForm) -> Block:
    element = {
        "type": "radio_buttons",
        "action_id": "account_creation",
        "options": list(segment.CREATION.values()),
        "initial_option": segment.CREATION[filled_in.account_creation],
    }
    return field("Create an account", element, block_id=Field.ACCOUNT_CREATION.block_id)


def read(view: Mapping[str, Any]) -> SourceForm:
    """Read the form as it was submitted, or as it stands."""
    answers = filled(dict(view))
    kind, creation = answers.option(Field.KIND.block_id), answers.option(Field.ACCOUNT_CREATION.block_id)
    return SourceForm(
        name=mrkdwn.one_line(answers.text(Field.NAME.block_id)),
        kind=SourceKind(kind) if kind else SourceKind.API,
        account_creation=AccountCreation(creation) if creation else AccountCreation.COMPANY,
    )


def errors(refused: Mapping[str, str]) -> dict[str, str]:
    """Put each refusal under its field, as an answer to the submission; what names no field stands under the name."""
    fields = {str(one) for one in Field}
    return {Field(name if name in fields else Field.NAME).block_id: text for name, text in refused.items()}


def address(source: SourceAddress, *, now: datetime) -> View:
    """Draw a source's URL and key, to be copied, and where to put them."""
    key = "Write key" if source.kind == SourceKind.SEGMENT else "Key, the last part of the URL"
    blocks = [
        section(f"{mrkdwn.bold(mrkdwn.escape(source.name, 160))} · {KINDS[source.kind].name}"),
        section(f"*Webhook URL*\n{mrkdwn.code_block(source.url)}"),
        section(f"*{key}*\n{mrkdwn.code_block(source.key)}"),
        *(segment.signing(source.id, source.shared_secret) if source.shared_secret else []),
        context("Whoever has the URL or the key can send events. Keep both as secret as a password."),
        divider(),
        *(section(text) for text in _instructions(source)),
    ]
    line = curl_line(source.kind, source.url, now=now)
    if line:
        blocks.append(section(f"*Try it* with one test event, from a terminal:\n{mrkdwn.code_block(line)}"))
    return modal("Source", blocks, callback_id=CALLBACKS.shown, close="Done")


def _instructions(source: SourceAddress) -> list[str]:
    match source.kind:
        case SourceKind.API:
            return ["*Send* each movement as JSON in a POST to the URL. 200 means that it is stored."]
        case SourceKind.CHARTMOGUL:
            return ["*In ChartMogul*, open Destinations, add a webhook for MRR movements and paste the URL."]
        case SourceKind.SEGMENT:
            python = f'Client(write_key="{source.key}", host="{source.tracking_url}")'
            return [
                "*In Segment*, add the destination ChartMogul and paste the URL as its webhook URL.",
                f"*Or from your code*, give Segment's library our address. In Python:\n{mrkdwn.code_block(python)}",
            ]
        case SourceKind.CSV:
            return []


def refused_events(name: str, events: Sequence[RefusedEvent]) -> View:
    """Draw the newest events that were refused, each with the record, the field and the reason."""
    title = f"*{mrkdwn.escape(name, 160)}* sent what can't be used. The rest of what it sent is kept."
    rows = [
        section(
            f"{mrkdwn.code(event.record)} · {mrkdwn.code(event.field)} · {mrkdwn.moment(event.at)}\n"
            f"{mrkdwn.escape(event.reason)}"
        )
        for event in events[:MOST_REFUSED]
    ]
    older = [context(f"The newest {MOST_REFUSED} are shown.")] if len(events) > MOST_REFUSED else []
    empty = [] if rows else [section("Nothing was refused.")]
    return modal("Refused events", [section(title), *rows, *older, *empty], callback_id=CALLBACKS.shown, close="Done")


def remove_question(*, source_id: str, name: str) -> View:
    """Draw the question before a source is removed, with what will happen."""
    text = (
        f"Remove {mrkdwn.bold(mrkdwn.escape(name, 160))}?\n"
        "Its URL stops working at once: whatever still sends there is answered 404. "
        "Its accounts, its movements and the messages already posted stay."
    )
    return modal(
        "Remove source",
        [section(text)],
        callback_id=CALLBACKS.remove,
        submit="Remove",
        close="Keep",
        metadata=source_id,
    )
