"""What we say in a channel that somebody invited us to, or to a person who opens our conversation for the first time.

It says what comes here or can be done here, and has the button for the next step.
"""

from dataclasses import dataclass
from typing import Any

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class WelcomeActions:
    """The names of the buttons. The value of the first is the channel's id, where there is one."""

    new: str = "destination_new"
    add_source: str = "source_add"
    recap: str = "personal_recap_ask"


ACTIONS = WelcomeActions()
TO_YOU = (
    "*What Runrate tells you alone comes here*: signals about the accounts that you own, your own recap, and word when "
    "something that you set up can't be posted."
)
NEXT_STEPS = {
    ACTIONS.add_source: (
        "Two steps bring MRR into Slack: a source says what happens, a destination tells it in the channels that you "
        "choose."
    ),
    ACTIONS.new: "One step is left until MRR is in Slack: a destination tells it in the channels that you choose.",
    ACTIONS.recap: (
        "Nothing comes yet. This button brings you MRR every morning at nine; quiet hours, and how to stop it, are in "
        "the Home tab."
    ),
}
"""What somebody can do next, by the button that does it."""
LABELS = {
    ACTIONS.add_source: "Add source",
    ACTIONS.new: "New destination",
    ACTIONS.recap: "Send me a daily recap by DM",
}


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Somebody who opens our conversation for the first time, and how far their workspace is."""

    is_manager: bool
    has_source: bool = True
    has_destination: bool = True


def draw(channel_id: str) -> Message:
    """Draw the message."""
    text = "I can post your MRR movements here. A manager sets that up with this button, or with `/mrr new`."
    button = _button("Post MRR here", ACTIONS.new) | {"value": channel_id}
    section = {"type": "section", "text": mrkdwn.marked(text)}
    return message(text.replace("`", ""), section, {"type": "actions", "elements": [button, menu()]})


def draw_for_person(who: Newcomer) -> Message:
    """Draw what a person reads first in our conversation: what comes there, and what they can do next."""
    step = _next_step(who)
    text = f"{TO_YOU}\n{NEXT_STEPS[step]}"
    section = {"type": "section", "text": mrkdwn.marked(text)}
    buttons = {"type": "actions", "elements": [_button(LABELS[step], step), menu()]}
    return message(text.replace("*", ""), section, buttons)


def _next_step(who: Newcomer) -> str:
    if who.is_manager and not who.has_source:
        return ACTIONS.add_source
    if who.is_manager and not who.has_destination:
        return ACTIONS.new
    return ACTIONS.recap


def _button(words: str, action_id: str) -> dict[str, Any]:
    return {"type": "button", "text": mrkdwn.plain(words, 75), "action_id": action_id, "style": "primary"}
