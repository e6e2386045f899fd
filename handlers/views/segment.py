"""What only a Segment source has: the secret that its webhook is signed with, and where its traits go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from handlers.views import blocks
from handlers.views.blocks import Block, View
from handlers.views.filled import filled
from models.source import AccountCreation
from scheduler.messages import mrkdwn

OPEN = "segment_settings"
"""The button that opens the form, and the form."""
MOST_TYPED = 3000
MOST_CONFLICTS = 10

CREATION = {
    AccountCreation.COMPANY: blocks.option("When a user joins a company", AccountCreation.COMPANY),
    AccountCreation.CONTACT: blocks.option("When an e-mail or user id appears", AccountCreation.CONTACT),
}


class Field(StrEnum):
    """The fields of the form, by the names of their blocks."""

    CREATION = "segment_creation"
    CONTACT = "segment_contact_mappings"
    ACCOUNT = "segment_account_mappings"


@dataclass(frozen=True, kw_only=True)
class SegmentForm:
    """What the form starts with, and what a person made of it; mappings as they are written, one a line."""

    account_creation: AccountCreation = AccountCreation.COMPANY
    contact_mappings: str = ""
    account_mappings: str = ""
    conflicts: Sequence[tuple[str, Sequence[str]]] = field(default=())
    """Attributes whose values have several types, with these."""


def signing(source_id: str, shared_secret: str) -> list[Block]:
    """Draw the secret for Segment's Webhook destination, and the button that opens the form."""
    return [
        blocks.section(f"*Shared secret*, for Segment’s Webhook destination\n{mrkdwn.code_block(shared_secret)}"),
        blocks.actions(blocks.button("Accounts and mappings", OPEN, value=source_id)),
    ]


def form(source_id: str, filled_in: SegmentForm) -> View:
    """Draw the form."""
    radio = {"type": "radio_buttons", "action_id": "creation", "options": list(CREATION.values())}
    creation = radio | {"initial_option": CREATION[filled_in.account_creation]}
    contacts = _mappings(filled_in.contact_mappings, "job -> title")
    accounts = _mappings(filled_in.account_mappings, "company_size -> Employees")
    drawn = [
        blocks.field("Create an account", creation, block_id=Field.CREATION),
        blocks.field("Traits of contacts", contacts, block_id=Field.CONTACT, optional=True, hint=_HINT),
        blocks.field("Traits of accounts", accounts, block_id=Field.ACCOUNT, optional=True),
        *_conflicts(filled_in.conflicts),
    ]
    return blocks.modal("Accounts and mappings", drawn, callback_id=OPEN, submit="Save", metadata=source_id)


_HINT = "One a line: trait -> field or attribute. What isn’t listed becomes an attribute of its own name."


def _mappings(initial: str, placeholder: str) -> dict[str, Any]:
    element = blocks.text_input("mappings", initial=initial[:MOST_TYPED], placeholder=placeholder)
    return element | {"multiline": True, "max_length": MOST_TYPED}


def _conflicts(conflicts: Sequence[tuple[str, Sequence[str]]]) -> list[Block]:
    """Name the attributes whose values have several types."""
    if not conflicts:
        return []
    named = [f"{mrkdwn.code(key)} ({', '.join(types)})" for key, types in conflicts[:MOST_CONFLICTS]]
    more = f" and {len(conflicts) - MOST_CONFLICTS} more" if len(conflicts) > MOST_CONFLICTS else ""
    return [blocks.context(f"Attributes with values of several types, all of them kept: {', '.join(named)}{more}.")]


def read(view: Mapping[str, Any]) -> SegmentForm:
    """Read the form as it was submitted."""
    answers = filled(dict(view))
    return SegmentForm(
        account_creation=AccountCreation(answers.option(Field.CREATION) or AccountCreation.COMPANY),
        contact_mappings=answers.text(Field.CONTACT),
        account_mappings=answers.text(Field.ACCOUNT),
    )
