"""What only a Stripe source has: its signing secrets, its API key and how MRR is counted. No secret is ever shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from handlers.views import blocks
from handlers.views.blocks import Block, Element, View
from handlers.views.filled import filled
from handlers.views.polling import Polling, standing
from models.stripe import Cancellation, Passing, Rules, SigningSecret
from scheduler.messages import mrkdwn
from scheduler.messages.api_key import ACTIONS

OPEN = "stripe_settings"
"""The button that opens the form for secrets and rules, and the form."""
KEY = "stripe_api_key"
"""The form for the API key."""

ENTER = "Enter signing secret"
CHANGE = "Secrets and counting"
UNSIGNED = "None yet: whatever comes is answered 401 until the endpoint's signing secret is entered."


class Field(StrEnum):
    """The fields, by the names of their blocks."""

    SECRETS = "stripe_secrets"
    SECRET = "stripe_secret"  # noqa: S105 - the name of a field
    API_KEY = "stripe_key"
    CANCELLATION = "stripe_cancellation"
    SUBTRACTED = "stripe_subtracted"


CANCELLATIONS = {
    Cancellation.PERIOD_END: blocks.option("When its period ends", Cancellation.PERIOD_END),
    Cancellation.AT_ONCE: blocks.option("When somebody cancels it", Cancellation.AT_ONCE),
}
SUBTRACTED = {
    Passing.REPEATING: blocks.option("Those that repeat for some months", Passing.REPEATING),
    Passing.ONCE: blocks.option("Those that count once", Passing.ONCE),
}


@dataclass(frozen=True, kw_only=True)
class StripeForm:
    """What a person made of a form."""

    kept: tuple[str, ...] = ()
    """The ids of the secrets that stay."""
    secret: str = ""
    api_key: str = ""
    rules: Rules = field(default_factory=Rules)


def fields(rules: Rules) -> list[Block]:
    """Draw the fields of the form for a new source."""
    return [
        _secret("Stripe shows it once the endpoint is made there. It can be entered later."),
        _key(),
        *_rules(rules),
    ]


def form(source_id: str, *, secrets: Sequence[SigningSecret], rules: Rules) -> View:
    """Draw the form for secrets and rules."""
    hint = "Stripe shows it on the endpoint's page. It is kept encrypted and never shown again."
    drawn = [*_secrets(secrets), _secret(hint), *_rules(rules)]
    return blocks.modal(CHANGE, drawn, callback_id=OPEN, submit="Save", metadata=source_id)


def key_form(source_id: str, *, name: str, is_set: bool) -> View:
    """Draw the form for the API key."""
    text = (
        f"With a restricted API key, Runrate reads from Stripe what the webhook of {mrkdwn.quoted(name)} does not "
        "bring: all history, customers' names, what the webhook missed, and what discounts take off."
    )
    hint = "A key is set and is not shown. Enter another one, or leave this empty to stop polling." if is_set else None
    drawn = [blocks.section(text), _key(hint)]
    return blocks.modal("API key", drawn, callback_id=KEY, submit="Save", metadata=source_id)


def offer(source_id: str, *, secrets: Sequence[SigningSecret], polling: Polling | None) -> list[Block]:
    """Draw what stands below a source's address: its secrets, how polling fares, and the buttons to change them."""
    known = "\n".join(f"• entered {_written(one.added_at)}" for one in secrets)
    enter = blocks.button(CHANGE if secrets else ENTER, OPEN, value=source_id, style=None if secrets else "primary")
    polled = standing(polling) if polling is not None else "No API key: only what the webhook sends arrives."
    key = blocks.button("Enter API key" if polling is None else "Change API key", ACTIONS.enter, value=source_id)
    return [
        blocks.section(f"*Signing secrets*\n{known or UNSIGNED}", accessory=enter),
        blocks.section(f"*API key*\n{polled}", accessory=key),
    ]


def _secrets(secrets: Sequence[SigningSecret]) -> list[Block]:
    """Draw the secrets that are known, each to be ticked off."""
    if not secrets:
        return []
    options = [blocks.option(f"Entered {_written(one.added_at)}", one.id) for one in secrets]
    known = _checkboxes("secrets", options, options)
    hint = "Untick one that Stripe signs with no more: it is forgotten. While you roll a secret, both count."
    return [blocks.field("Signing secrets", known, block_id=Field.SECRETS, hint=hint, optional=True)]


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _secret(hint: str) -> Block:
    element = blocks.text_input("secret", placeholder="whsec_…")
    return blocks.field("New signing secret", element, block_id=Field.SECRET, hint=hint, optional=True)


def _key(hint: str | None = None) -> Block:
    usual = "It may read customers, subscriptions, coupons and events, and nothing else. It is kept encrypted."
    element = blocks.text_input("api_key", placeholder="rk_…")
    return blocks.field("Restricted API key", element, block_id=Field.API_KEY, hint=hint or usual, optional=True)


def _rules(rules: Rules) -> list[Block]:
    radio = {"type": "radio_buttons", "action_id": "cancellation", "options": list(CANCELLATIONS.values())}
    cancellation = radio | {"initial_option": CANCELLATIONS[rules.cancellation]}
    chosen = [option for passing, option in SUBTRACTED.items() if passing in rules.subtracted]
    subtracted = _checkboxes("subtracted", list(SUBTRACTED.values()), chosen)
    hint = "Those that count forever always lower it. A change counts for what comes in from then on."
    return [
        blocks.field("A cancelled subscription is over", cancellation, block_id=Field.CANCELLATION),
        blocks.field("Coupons that lower MRR too", subtracted, block_id=Field.SUBTRACTED, hint=hint, optional=True),
    ]


def _checkboxes(action_id: str, options: list[Element], chosen: list[Element]) -> Element:
    drawn: Element = {"type": "checkboxes", "action_id": action_id, "options": options}
    return drawn | ({"initial_options": chosen} if chosen else {})


def read(view: Mapping[str, Any]) -> StripeForm:
    """Read a form as it was submitted."""
    answers = filled(dict(view))
    return StripeForm(
        kept=answers.options(Field.SECRETS),
        secret=answers.text(Field.SECRET).strip(),
        api_key=answers.text(Field.API_KEY).strip(),
        rules=Rules(
            Cancellation(answers.option(Field.CANCELLATION) or Cancellation.PERIOD_END),
            frozenset(Passing(one) for one in answers.options(Field.SUBTRACTED)),
        ),
    )
