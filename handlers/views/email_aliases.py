"""People whose CRM e-mail isn't their Slack one: the line in the Home tab, and the form to say who they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handlers.views.blocks import Block, Element, View, button, context, divider, field, modal, section, text_input
from handlers.views.filled import filled
from models.email_alias import MOST_UNKNOWN, EmailAlias
from scheduler.messages import mrkdwn

MOST_SHOWN = 40
_ROW = "email_alias "
_LONGEST_ROW = 255
"""What Slack takes as a block's id."""

TITLE = "People whose CRM e-mail isn't their Slack one"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed or chosen."""

    open: str = "email_aliases"
    person: str = "email_alias_person"
    remove: str = "email_alias_remove"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    save: str = "email_aliases"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Field(StrEnum):
    """The fields of the form, by the ids of their blocks."""

    EMAIL = "email_alias_email"
    PERSON = "email_alias_someone"


def row(unknown: int, known: int) -> Block:
    """Draw the line in a manager's Home tab."""
    number = f"{unknown} or more" if unknown >= MOST_UNKNOWN else str(unknown)
    waiting = f"{number} {'address names' if unknown == 1 else 'addresses name'} nobody whom Slack knows"
    matched = f"{known:,} {'address has' if known == 1 else 'addresses have'} a person"
    counted = [*([waiting] if unknown else []), *([matched] if known else [])]
    text = " · ".join(counted) or "Whom a CRM names is found in Slack by e-mail. Say who it is where the two differ."
    return section(f"*{TITLE}*\n{text}", accessory=button("Match e-mails", ACTIONS.open))


def form(unknown: Sequence[str], known: Sequence[EmailAlias]) -> View:
    """Draw the form: what is chosen beside an address, and what is removed, is saved at once."""
    asked = [_asked(email) for email in unknown if len(_ROW + email) <= _LONGEST_ROW]
    listed = [_listed(one) for one in known[:MOST_SHOWN]]
    more = len(known) - MOST_SHOWN
    blocks = [
        section(f"*{TITLE}*\nSignals for an address here go to the person beside it."),
        *([section("*Nobody whom Slack knows*"), *asked] if asked else []),
        *([section("*Matched*"), *listed] if listed else []),
        *([context(f"and {more:,} more")] if more > 0 else []),
        divider(),
        field("E-mail in the CRM", text_input("email", placeholder="dana@contoso.com"), block_id=Field.EMAIL),
        field(
            "Person in Slack",
            _select("someone"),
            block_id=Field.PERSON,
            hint="Leave it empty to let Slack say whose the address is.",
            optional=True,
        ),
    ]
    return modal("Match e-mails", blocks, callback_id=CALLBACKS.save, submit="Save", close="Done")


def _asked(email: str) -> Block:
    text = mrkdwn.escape(email, 255)
    return section(text, accessory=_select(ACTIONS.person), block_id=_ROW + email)


def _listed(alias: EmailAlias) -> Block:
    text = f"{mrkdwn.escape(alias.email, 255)} is {mrkdwn.person(alias.user_id)}"
    return section(text, accessory=button("Remove", ACTIONS.remove, value=alias.email))


def _select(action_id: str) -> Element:
    placeholder = {"type": "plain_text", "text": "Choose a person"}
    return {"type": "users_select", "action_id": action_id, "placeholder": placeholder}


def read_person(action: Mapping[str, Any]) -> tuple[str, str]:
    """Read whose an address is, as it was chosen beside it."""
    return str(action.get("block_id") or "").removeprefix(_ROW), str(action.get("selected_user") or "")


def read(view: Mapping[str, Any]) -> tuple[str, str | None]:
    """Read the address and the person that were submitted."""
    answers = filled(dict(view))
    return answers.text(Field.EMAIL).strip().lower(), answers.user(Field.PERSON)


def errors(refused: Mapping[Field, str]) -> dict[str, str]:
    """Put each refusal under its field, as an answer to the submission."""
    return {str(one): text for one, text in refused.items()}
