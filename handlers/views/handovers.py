"""The question who answers for a destination from now on, or for all of somebody who is gone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import Element, View, field, modal, section
from handlers.views.filled import filled
from scheduler.messages import mrkdwn

MOST_NAMED = 10

_KEEPER = "handover_keeper"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted: about one destination, or about all of somebody."""

    one: str = "handover_one"
    all: str = "handover_all"


CALLBACKS = Callbacks()


def question(names: Sequence[str], *, subject: str, callback_id: str, suggested: str | None) -> View:
    """Draw the question. `subject` is the destination's id, or the user id of whoever is gone."""
    named = mrkdwn.listed(map(mrkdwn.quoted, names), most=MOST_NAMED)
    it = "it" if len(names) == 1 else "them"
    text = (
        f"Who answers for {named}?\nThey hear when something can't be delivered. Nothing changes in what {it} "
        f"{'tells' if len(names) == 1 else 'tell'}."
    )
    element: Element = {
        "type": "users_select",
        "action_id": "keeper",
        "placeholder": {"type": "plain_text", "text": "Choose a manager"},
    }
    if suggested:
        element["initial_user"] = suggested
    hint = "A Slack admin or owner, or somebody whom they named a manager."
    return modal(
        "Hand over",
        [section(text), field("Who answers", element, block_id=_KEEPER, hint=hint)],
        callback_id=callback_id,
        submit="Hand over",
        metadata=subject,
    )


def read(view: Mapping[str, Any]) -> str:
    """Read the user id of who was chosen; empty where nobody was."""
    return filled(dict(view)).user(_KEEPER) or ""


def errors(sentence: str) -> dict[str, str]:
    """Put a refusal under the field."""
    return {_KEEPER: sentence}


def done(user_id: str, names: Sequence[str]) -> str:
    """Say who answers for what from now on."""
    named = mrkdwn.listed(map(mrkdwn.quoted, names), most=MOST_NAMED)
    return f"{mrkdwn.person(user_id)} answers for {named} now."


def done_answer(user_id: str, names: Sequence[str]) -> Answer:
    """Answer the same beside the message in which it was asked for."""
    text = done(user_id, names)
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])


def done_view(user_id: str, names: Sequence[str]) -> View:
    """Say the same in the place of the question."""
    return modal("Handed over", [section(done(user_id, names))], callback_id="sentence", close="Close")
