"""Which account a company in a CRM is: the line that asks, the form to choose in, and the one to do it by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handlers.views.blocks import (
    MOST_OPTIONS,
    Block,
    Element,
    View,
    actions,
    button,
    context,
    field,
    modal,
    option,
    section,
    text_input,
)
from handlers.views.filled import filled
from models.account import Account
from models.record import PAGE, Record, RecordState
from scheduler.messages import mrkdwn

NONE_OF_THESE = "none"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed or chosen."""

    choose: str = "records_choose"
    account: str = "records_account"
    previous: str = "records_previous"
    next: str = "records_next"
    by_hand: str = "records_by_hand"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals."""

    choose: str = "records_choose"
    by_hand: str = "records_by_hand"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Field(StrEnum):
    """The fields of the form, by the ids of their blocks."""

    COMPANY = "records_company"
    CHOICE = "records_choice"
    ACCOUNT = "records_account"


class Choice(StrEnum):
    """What a manager says of a company."""

    ACCOUNT = "account"
    NONE = "none"
    OPEN = "open"


CHOICES = {
    Choice.ACCOUNT: option("It is the account below", Choice.ACCOUNT),
    Choice.NONE: option(
        "It is none of our accounts", Choice.NONE, description="Nothing that the CRM says of it counts"
    ),
    Choice.OPEN: option(
        "Runrate decides again", Choice.OPEN, description="By account id, then domain, then exact name"
    ),
}


@dataclass(frozen=True)
class Ambiguity:
    """How many companies of a source could be more than one account."""

    source_id: str
    source_name: str
    count: int


@dataclass(frozen=True)
class Place:
    """A page of a source's companies, from 0."""

    source_id: str
    page: int = 0


@dataclass(frozen=True)
class ByHand:
    """What was filled in: a company and an account, as people call them, and what the one is to the other."""

    company: str = ""
    choice: Choice = Choice.ACCOUNT
    account: str = ""


def attention(ambiguity: Ambiguity) -> Block:
    """Say that companies wait for a manager, with the button to choose."""
    number = "1 company" if ambiguity.count == 1 else f"{ambiguity.count:,} companies"
    text = f"{number} in {mrkdwn.escape(ambiguity.source_name, 160)} could be more than one account."
    return section(text, accessory=button("Choose", ACTIONS.choose, value=ambiguity.source_id))


def choose(
    place: Place, source_name: str, total: int, waiting: Sequence[tuple[Record, Sequence[Account]]], *, said: str = ""
) -> View:
    """Draw a page of the companies that could be several accounts; what is chosen is saved at once."""
    about = (
        f"These companies in {mrkdwn.escape(source_name, 160)} could be several of your accounts. "
        "Until you choose, nothing that the CRM says of them counts. Each choice is saved at once, and lasts."
    )
    blocks = [section(about if waiting else "Every company has its account, or is none of yours.")]
    rows = [section(_company(one), accessory=_select(one, several)) for one, several in waiting]
    blocks += [*([context(said)] if said else []), *rows, *_pager(place, len(waiting), total)]
    metadata = f"{place.source_id} {place.page}"
    return modal("Companies", blocks, callback_id=CALLBACKS.choose, close="Done", metadata=metadata)


def _company(record: Record) -> str:
    name = mrkdwn.bold(mrkdwn.link(record.url, mrkdwn.escape(record.display_name, 160)))
    known = [*([mrkdwn.escape(record.domain, 100)] if record.domain else []), mrkdwn.code(record.external_id)]
    return f"{name}\n{' · '.join(known)}"


def _select(record: Record, several: Sequence[Account]) -> Element:
    offered = [
        option(one.display_name, f"{record.id} {one.id}", description=" · ".join(filter(None, _about(one))))
        for one in several[: MOST_OPTIONS - 1]
    ]
    return {
        "type": "static_select",
        "action_id": ACTIONS.account,
        "placeholder": {"type": "plain_text", "text": "Which account?"},
        "options": [*offered, option("None of these", f"{record.id} {NONE_OF_THESE}")],
    }


def _about(account: Account) -> tuple[str | None, ...]:
    return mrkdwn.shown(account.external_id, 40), account.domain or account.website


def _pager(place: Place, shown: int, total: int) -> list[Block]:
    if shown == total:
        return []
    first = place.page * PAGE + 1
    turns = [("Previous", ACTIONS.previous, place.page - 1)] if place.page else []
    turns += [("Next", ACTIONS.next, place.page + 1)] if first + shown <= total else []
    buttons = [button(words, action, value=str(page)) for words, action, page in turns]
    return [context(f"{first}–{first + shown - 1} of {total}"), actions(*buttons, block_id="records_pages")]


def read_place(view: Mapping[str, Any], *, page: str | None = None) -> Place:
    """Read which page of which source a view shows, or a press on one of its buttons asks for."""
    source_id, _, number = str(view.get("private_metadata") or "").partition(" ")
    wanted = page if page is not None else number
    return Place(source_id, int(wanted) if wanted.isdecimal() else 0)


def read_choice(action: Mapping[str, Any]) -> tuple[str, str | None]:
    """Read which record is which account, or none."""
    value = str((action.get("selected_option") or {}).get("value") or "")
    record_id, _, account_id = value.partition(" ")
    return record_id, None if account_id == NONE_OF_THESE else account_id


def chosen(record: Record, account: Account | None) -> str:
    """Say what was chosen just now."""
    name = mrkdwn.quoted(record.display_name)
    match RecordState(record.state):
        case RecordState.LINKED if account is not None:
            return f"{name} is the account {mrkdwn.quoted(account.display_name)} now."
        case RecordState.DECLINED:
            return f"{name} is none of your accounts now."
        case RecordState.AMBIGUOUS:
            return f"{name} could be more than one account, and waits for a choice."
        case _:
            return f"{name} is like no account yet, and is matched once one appears."


def details(source_id: str, counts: Mapping[RecordState, int]) -> list[Block]:
    """Draw how a source's companies stand to the accounts, in its details; nothing where it has none."""
    if not counts:
        return []
    by_hand = button("Companies", ACTIONS.by_hand, value=source_id)
    return [section(f"*Companies*\n{_counted(counts)}", accessory=by_hand)]


def _counted(counts: Mapping[RecordState, int]) -> str:
    words = {
        RecordState.LINKED: "matched with accounts",
        RecordState.AMBIGUOUS: "could be several accounts",
        RecordState.UNMATCHED: "like no account",
        RecordState.DECLINED: "none of yours, as a manager said",
        RecordState.GONE: "gone from the CRM",
    }
    return " · ".join(f"{counts[state]:,} {text}" for state, text in words.items() if counts.get(state))


def by_hand(
    source_id: str,
    source_name: str,
    counts: Mapping[RecordState, int],
    unmatched: Sequence[Record],
    *,
    filled_in: ByHand | None = None,
    said: str = "",
) -> View:
    """Draw the form that links a company by hand, or undoes that."""
    filled_in = filled_in or ByHand()
    radio = {
        "type": "radio_buttons",
        "action_id": "choice",
        "options": list(CHOICES.values()),
        "initial_option": CHOICES[filled_in.choice],
    }
    company = text_input("company", initial=filled_in.company, placeholder="contoso.com")
    theirs = text_input("account", initial=filled_in.account, placeholder="Contoso")
    known = "Its id, its domain or its name."
    blocks = [
        section(f"*Companies in {mrkdwn.escape(source_name, 160)}*\n{_counted(counts)}"),
        *([context(said)] if said else []),
        field("Company in the CRM", company, block_id=Field.COMPANY, hint=known),
        field("What it is", radio, block_id=Field.CHOICE),
        field("Account", theirs, block_id=Field.ACCOUNT, hint=known, optional=True),
        *_unmatched(unmatched, counts.get(RecordState.UNMATCHED, 0)),
    ]
    return modal("Companies", blocks, callback_id=CALLBACKS.by_hand, submit="Save", close="Done", metadata=source_id)


def _unmatched(some: Sequence[Record], total: int) -> list[Block]:
    names = [f"{mrkdwn.escape(one.display_name, 80)} ({mrkdwn.code(one.external_id, 40)})" for one in some]
    names += [f"{total - len(some):,} more"] if total > len(some) else []
    return [context(f"Like no account: {mrkdwn.listed(names, most=PAGE + 1)}")] if some else []


def read_by_hand(view: Mapping[str, Any]) -> ByHand:
    """Read the form as it was submitted."""
    answers = filled(dict(view))
    choice = Choice(answers.option(Field.CHOICE) or Choice.ACCOUNT)
    return ByHand(answers.text(Field.COMPANY).strip(), choice, answers.text(Field.ACCOUNT).strip())


def not_one(field: Field, found: Sequence[Record | Account]) -> dict[str, str]:
    """Refuse what names nothing, or several, under its field."""
    if not found:
        what = "company" if field is Field.COMPANY else "account"
        return {str(field): f"There is no {what} with this id, domain or name. Check it where it comes from."}
    ids = ", ".join(mrkdwn.shown(one.external_id, 60) for one in found)
    return {str(field): mrkdwn.cut(f"Several are called so. Give the id of one: {ids}", 2000)}
