"""A source's row, its menu, the form for a new one, its address and key, and the questions before it is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.views import crm, segment, stripe
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
from handlers.views.chartmogul import api_key_field
from handlers.views.filled import filled
from handlers.views.polling import Polling, standing
from handlers.views.samples import curl_line
from models.source import POLLED, AccountCreation, SourceKind
from models.stripe import Rules
from scheduler.messages import mrkdwn, welcome


@dataclass(frozen=True)
class Words:
    """A kind of source for people."""

    name: str
    brings: str


KINDS = {
    SourceKind.API: Words("Your own system", "Sends movements, accounts and roles as JSON"),
    SourceKind.CHARTMOGUL: Words("ChartMogul", "Sends each MRR movement through a webhook"),
    SourceKind.SEGMENT: Words("Segment", "Sends accounts, contacts and attributes"),
    SourceKind.STRIPE: Words("Stripe", "Sends subscriptions, of which Runrate makes MRR"),
    SourceKind.CSV: Words("Files", "Brought by runrate import"),
    SourceKind.SALESFORCE: Words("Salesforce", "Is asked for owners, other roles and stages"),
    SourceKind.HUBSPOT: Words("HubSpot", "Is asked for owners, other roles and stages"),
}
CONNECTED = (SourceKind.API, SourceKind.CHARTMOGUL, SourceKind.SEGMENT, SourceKind.STRIPE)
"""The kinds that have a webhook."""


UNSIGNED = "Whoever has the URL or the key can send events. Keep both as secret as a password."
SIGNED = "Only what Stripe signed is taken. Keep the URL as secret as a password all the same."

LATER, AT_ONCE, STAYS, GOES = "later", "at once", "stays", "goes"

ROTATIONS = {
    False: option("Works for another 24 hours", LATER, description="Time to change it wherever events come from"),
    True: option("Stops at once", AT_ONCE, description="It leaked: whatever still sends with it is answered 404"),
}
"""What becomes of the old key, by whether it leaked."""

LEFT = {
    False: option("Stays", STAYS, description="Accounts, contacts and movements, with all their totals"),
    True: option("Goes too", GOES, description="What no other source told of is deleted, and totals change"),
}
"""What becomes of what a source brought, by whether it is forgotten."""


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    add: str = welcome.ACTIONS.add_source
    kind: str = "source_kind"
    menu: str = "source_menu"
    try_again: str = "source_try_again"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    add: str = "source_add"
    save: str = "source_save"
    rotate: str = "source_rotate"
    remove: str = "source_remove"
    shown: str = "source_shown"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Menu(StrEnum):
    """What the menu beside a source offers."""

    DETAILS = "details"
    SHOW = "show"
    CONNECTION = "connection"
    ROTATE = "rotate"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"


class Field(StrEnum):
    """The fields of the form, by the names under which they can be refused."""

    NAME = "name"
    KIND = "kind"
    ACCOUNT_CREATION = "account_creation"
    OLD_KEY = "old_key"
    BROUGHT = "brought"

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
    """How many events were refused in the last 7 days."""
    paused_at: datetime | None = None
    held: int = 0
    """How many events wait for it to be resumed."""
    silent_since: datetime | None = None
    """Since when it is silent for longer than its habit."""
    polling: Polling | None = None
    """How polling fares, where there is an API key."""
    lacks_secret: bool = False
    """Nothing proves yet that what comes is Stripe's, and so nothing is taken."""


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
    old_key_until: datetime | None = None
    """Until when the key before works too."""


def add_button(*, primary: bool = False) -> Element:
    """Draw the button that opens the form."""
    return button("Add source", ACTIONS.add, style="primary" if primary else None)


def row(source: SourceRow, *, now: datetime) -> Block:
    """Draw a source in a manager's list; a silent one that has its URL here, with a line that sends a first event."""
    last = source.last_event_at
    refused = f" · {source.refused} refused" if source.refused else ""
    text = f"{title(source.name, source.kind)}\n{_standing(source)}{refused}"
    line = curl_line(source.kind, source.url, now=now) if source.url and not last else None
    if line:
        text += f". Send a test from a terminal:\n{mrkdwn.code_block(line)}"
    elif not last and source.kind in CONNECTED and source.paused_at is None:
        text += ". “Show URL” in the menu says where to send it."
    if source.polling is not None:
        text += f"\n{standing(source.polling)}"
    return section(text, accessory=menu(source.id, source.kind, is_paused=source.paused_at is not None))


def title(name: str, kind: SourceKind) -> str:
    """Name a source and what it is."""
    return f"{mrkdwn.bold(mrkdwn.escape(name, 160))} · {KINDS[kind].name}"


def _standing(source: SourceRow) -> str:
    """Say what a source does at present, in its line."""
    if source.paused_at is not None:
        return f"Paused since {mrkdwn.moment(source.paused_at)} · {held(source.held)}"
    if source.silent_since is not None:
        return f"Silent since {mrkdwn.moment(source.silent_since)}, which is longer than usual"
    if source.lacks_secret:
        return "Takes nothing yet: its signing secret is missing"
    last = source.last_event_at
    return f"Last event {mrkdwn.moment(last)}" if last else "Waiting for your first event"


def held(number: int) -> str:
    """Say how many events wait for a source to be resumed."""
    match number:
        case 0:
            return "nothing waits yet"
        case 1:
            return "1 event waits"
        case _:
            return f"{number:,} events wait"


def menu(source_id: str, kind: SourceKind, *, is_paused: bool) -> Element:
    """Draw the menu beside a source; an import has no URL to show."""
    pause = ("Resume", Menu.RESUME) if is_paused else ("Pause", Menu.PAUSE)
    own = [("Show URL", Menu.SHOW), ("Rotate key", Menu.ROTATE), pause] if kind in CONNECTED else []
    if kind in POLLED:
        own = [("Connection", Menu.CONNECTION), pause]
    offered = [("Details", Menu.DETAILS), *own, ("Remove", Menu.REMOVE)]
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
    if filled_in.kind == SourceKind.CHARTMOGUL:
        blocks.append(api_key_field())
    if filled_in.kind == SourceKind.STRIPE:
        blocks += stripe.fields(Rules())
    blocks.extend(crm.fields(filled_in.kind))
    return modal("Add source", blocks, callback_id=CALLBACKS.add, submit="Add")


def _kind(filled_in: SourceForm) -> Block:
    options = {kind: option(KINDS[kind].name, kind, description=KINDS[kind].brings) for kind in (*CONNECTED, *POLLED)}
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


def address(source: SourceAddress, *, more: Sequence[Block] = (), now: datetime) -> View:
    """Draw a source's URL and key, to be copied, and where to put them."""
    key = "Write key" if source.kind == SourceKind.SEGMENT else "Key, the last part of the URL"
    blocks = [
        section(title(source.name, source.kind)),
        section(f"*Webhook URL*\n{mrkdwn.code_block(source.url)}"),
        section(f"*{key}*\n{mrkdwn.code_block(source.key)}"),
        *(segment.signing(source.id, source.shared_secret) if source.shared_secret else []),
        context(SIGNED if source.kind == SourceKind.STRIPE else UNSIGNED),
        *([context(old_key(source.old_key_until))] if source.old_key_until else []),
        divider(),
        *(section(text) for text in _instructions(source)),
        *more,
    ]
    line = curl_line(source.kind, source.url, now=now)
    if line:
        blocks.append(section(f"*Try it* with one test event, from a terminal:\n{mrkdwn.code_block(line)}"))
    return modal("Source", blocks, callback_id=CALLBACKS.shown, close="Done")


def old_key(until: datetime) -> str:
    """Say until when the key before the last rotation works."""
    return f"The key before this one works until {mrkdwn.moment(until)}. Put the new one in its place by then."


def _instructions(source: SourceAddress) -> list[str]:
    match source.kind:
        case SourceKind.API:
            post = "Send each movement as JSON in a POST to the URL, with `Content-Type: application/json`."
            answer = "200 means that it is stored. 422 names the field to correct; after 503 send the same again."
            reference = mrkdwn.link(f"{source.tracking_url}/api", "How to send")
            return [_steps("From your own system", post, answer), f"{reference}: every record, with examples to copy."]
        case SourceKind.CHARTMOGUL:
            way = "Open *Data Platform*, then *Data Output*, then *Destinations*."
            paste = "Choose *Webhook*, paste the URL and save."
            after = "Each MRR movement arrives from now on. ChartMogul signs nothing: the URL is the only secret."
            return [_steps("In ChartMogul", way, paste, after)]
        case SourceKind.SEGMENT:
            way = "Open *Connections*, then *Catalog*, and search the destinations for *ChartMogul (Actions)*."
            add = "Press *Add destination*, and choose the Segment source whose events are to come here."
            paste = "Paste the URL as *ChartMogul webhook URL*, turn the destination on and save."
            python = mrkdwn.code_block(f'Client(write_key="{source.key}", host="{source.tracking_url}")')
            library = f"*Or from your code*, give Segment's library our address. In Python:\n{python}"
            return [_steps("In Segment", way, add, paste), library]
        case SourceKind.STRIPE:
            way = "Open *Workbench*, then *Webhooks*, and press *Create new destination*."
            events = "Select `customer.created`, `customer.updated` and all events of `customer.subscription`."
            paste = "Choose *Webhook endpoint*, paste the URL as *Endpoint URL*, and create the destination."
            sign = "Reveal the *Signing secret* on the new endpoint's page, copy it and enter it below."
            return [_steps("In Stripe", way, events, paste, sign)]
        case SourceKind.CSV | SourceKind.SALESFORCE | SourceKind.HUBSPOT:
            return []


def _steps(where: str, *steps: str) -> str:
    return "\n".join([mrkdwn.bold(where), *(f"{number}. {step}" for number, step in enumerate(steps, start=1))])


def rotate_question(*, source_id: str, name: str) -> View:
    """Ask what becomes of the old key before a source gets a new one."""
    text = f"Give {mrkdwn.bold(mrkdwn.escape(name, 160))} a new key, and with it a new URL?"
    chosen = _radio("old_key", ROTATIONS)
    blocks = [section(text), field("The old key", chosen, block_id=Field.OLD_KEY.block_id)]
    return modal("Rotate key", blocks, callback_id=CALLBACKS.rotate, submit="Rotate", metadata=source_id)


def is_leaked(view: Mapping[str, Any]) -> bool:
    """Read whether the old key is to stop at once."""
    return filled(dict(view)).option(Field.OLD_KEY.block_id) == AT_ONCE


def _radio(action_id: str, options: Mapping[bool, Element]) -> Element:
    drawn = {"type": "radio_buttons", "action_id": action_id, "options": list(options.values())}
    return drawn | {"initial_option": options[False]}


def remove_question(*, source_id: str, name: str, kind: SourceKind) -> View:
    """Ask before a source is removed, and what becomes of what it brought."""
    closes = "Its URL stops working at once: whatever still sends there is answered 404. " if kind in CONNECTED else ""
    text = (
        f"Remove {mrkdwn.bold(mrkdwn.escape(name, 160))}?\n{closes}Messages that were posted stay in Slack either way."
    )
    hint = "What goes can't be brought back, and what was not posted of it yet is skipped."
    brought = field("What it brought", _radio("brought", LEFT), block_id=Field.BROUGHT.block_id, hint=hint)
    return modal(
        "Remove source",
        [section(text), brought],
        callback_id=CALLBACKS.remove,
        submit="Remove",
        close="Keep",
        metadata=source_id,
    )


def is_forgotten(view: Mapping[str, Any]) -> bool:
    """Read whether what a source brought is to go with it."""
    return filled(dict(view)).option(Field.BROUGHT.block_id) == GOES
