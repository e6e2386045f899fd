"""What we tell whoever entered an API key that the other side refuses: the fact, what it means, the one thing to do."""

from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class ApiKeyActions:
    """The name of the button that opens the form for an API key. Its value is the source's id."""

    enter: str = "source_api_key"


ACTIONS = ApiKeyActions()


@dataclass(frozen=True, kw_only=True)
class Words:
    """How we speak of an API: whose it is, what opens it, what is missing without that, and what to do."""

    vendor: str
    key: str
    missing: str
    fix: str
    menu: str = "Show URL"
    """What to choose in the source's menu to enter it."""


WORDS: Mapping[str, Words] = {
    "chartmogul": Words(
        vendor="ChartMogul",
        key="API key",
        missing=(
            "Until there is another key, owners, attributes and what the webhook misses don't arrive; what the webhook "
            "sends still does, and nothing is lost."
        ),
        fix="Make a new key in ChartMogul and enter it.",
    ),
    "salesforce": Words(
        vendor="Salesforce",
        key="sign-in",
        missing="Until that works, owners, roles and stages stay as they were read last; what changes is read then.",
        fix="Look at the external client app and its user in Salesforce, and enter the sign-in anew.",
        menu="Connection",
    ),
    "hubspot": Words(
        vendor="HubSpot",
        key="key",
        missing="Until there is another one, owners, roles and stages stay as they were read last.",
        fix="Make a new service key in HubSpot and enter it.",
        menu="Connection",
    ),
    "stripe": Words(
        vendor="Stripe",
        key="API key",
        missing=(
            "Until there is another key, what the webhook misses does not arrive; what the webhook sends still does, "
            "and nothing is lost."
        ),
        fix="Make a new restricted key in Stripe and enter it.",
    ),
}
"""By the kind of source."""


@dataclass(frozen=True, kw_only=True)
class RefusedKey:
    """A source whose API key is refused."""

    source_id: str
    source_kind: str
    source_name: str
    trouble: str
    """What the other side does, such as `answers 401`."""


def draw_refused(refused: RefusedKey) -> Message:
    """Draw the message."""
    words = WORDS[refused.source_kind]
    whose = mrkdwn.quoted(refused.source_name)
    fact = f"{words.vendor} refuses the {words.key} of {whose}: it {mrkdwn.escape(refused.trouble, 300)}."
    rest = f"{words.missing} {words.fix}"
    button = {
        "type": "button",
        "text": mrkdwn.plain(f"Enter {words.key}", 75),
        "action_id": ACTIONS.enter,
        "value": refused.source_id,
        "style": "primary",
    }
    section = {"type": "section", "text": mrkdwn.marked(f"{mrkdwn.bold(fact)}\n{rest}")}
    return message(f"{fact} {rest}", section, {"type": "actions", "elements": [button, menu()]})
