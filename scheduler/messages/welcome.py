"""What we say in a channel that somebody invited us to: what can be done here, and the button that does it."""

from dataclasses import dataclass

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class WelcomeActions:
    """The name of the button. Its value is the channel's id."""

    new: str = "destination_new"


ACTIONS = WelcomeActions()


def draw(channel_id: str) -> Message:
    """Draw the message."""
    text = "I can post your MRR movements here. A manager sets that up with this button, or with `/mrr new`."
    button = {
        "type": "button",
        "text": mrkdwn.plain("Post MRR here", 75),
        "action_id": ACTIONS.new,
        "value": channel_id,
        "style": "primary",
    }
    section = {"type": "section", "text": mrkdwn.marked(text)}
    return message(text.replace("`", ""), section, {"type": "actions", "elements": [button, menu()]})
