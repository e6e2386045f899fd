"""The form in which managers are named, and who was named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.views.blocks import Element, View, button, field, modal, section
from handlers.views.filled import filled
from scheduler.messages import mrkdwn

MOST_MANAGERS = 50

_PEOPLE = "managers_people"


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed."""

    name: str = "managers_name"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    save: str = "managers_save"


ACTIONS = Actions()
CALLBACKS = Callbacks()


@dataclass(frozen=True)
class ManagersForm:
    """Who are managers beside Slack's admins and owners."""

    user_ids: tuple[str, ...] = ()


def who_may(manager_ids: Sequence[str]) -> str:
    """Say who may change the workspace's settings."""
    named = mrkdwn.listed(map(mrkdwn.person, manager_ids), most=10)
    return f"Slack admins and owners{f', and {named}' if named else ''}"


def whom_to_ask(manager_ids: Sequence[str]) -> str:
    """Name those who can be asked for a change."""
    known = list(dict.fromkeys(manager_ids))
    return mrkdwn.listed([*map(mrkdwn.person, known[:4]), "a Slack admin"], most=5, last="or")


def name_button() -> Element:
    """Draw the button that opens the form."""
    return button("Name managers", ACTIONS.name)


def form(filled_in: ManagersForm) -> View:
    """Draw the form."""
    element: Element = {
        "type": "multi_users_select",
        "action_id": "people",
        "placeholder": {"type": "plain_text", "text": "Choose people"},
        "max_selected_items": MOST_MANAGERS,
    }
    if filled_in.user_ids:
        element["initial_users"] = list(filled_in.user_ids[:MOST_MANAGERS])
    blocks = [
        section("Managers change destinations and sources, and see webhook keys. Slack admins and owners always may."),
        field("Managers beside them", element, block_id=_PEOPLE, hint="Guests can't be managers.", optional=True),
    ]
    return modal("Managers", blocks, callback_id=CALLBACKS.save, submit="Save")


def read(view: Mapping[str, Any]) -> ManagersForm:
    """Read who was named."""
    return ManagersForm(tuple(dict.fromkeys(filled(dict(view)).users(_PEOPLE))))


def errors(sentence: str) -> dict[str, str]:
    """Put a refusal under the people, as an answer to the submission."""
    return {_PEOPLE: sentence}
