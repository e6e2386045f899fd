"""What we tell whoever entered an API key that the other side refuses: the fact, what it means, the one thing to do."""

from dataclasses import dataclass

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class ApiKeyActions:
    """The name of the button that opens the form for an API key. Its value is the source's id."""

    enter: str = "source_api_key"


ACTIONS = ApiKeyActions()
ENTER = "Enter API key"


@dataclass(frozen=True, kw_only=True)
class RefusedKey:
    """A source whose API key is refused."""

    source_id: str
    source_name: str
    trouble: str
    """What the other side does, such as `answers 401`."""


def draw_refused(refused: RefusedKey) -> Message:
    """Draw the message."""
    fact = f"ChartMogul refuses the API key of {mrkdwn.quoted(refused.source_name)}: it {refused.trouble}."
    rest = (
        "Until there is another key, owners, attributes and what the webhook misses don't arrive; what the webhook "
        "sends still does, and nothing is lost. Make a new key in ChartMogul and enter it."
    )
    button = {
        "type": "button",
        "text": mrkdwn.plain(ENTER, 75),
        "action_id": ACTIONS.enter,
        "value": refused.source_id,
        "style": "primary",
    }
    section = {"type": "section", "text": mrkdwn.marked(f"{mrkdwn.bold(fact)}\n{rest}")}
    return message(f"{fact} {rest}", section, {"type": "actions", "elements": [button, menu()]})
