"""Block Kit's pieces as the views use them, so that each view reads as what a person sees."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from scheduler.messages.mrkdwn import marked, plain

Block = dict[str, Any]
Element = dict[str, Any]
View = dict[str, Any]

MOST_OPTIONS = 100
LONGEST_OPTION = 75
AS_TYPED = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
"""Has a text told to us while it is typed."""

MOST_IN_A_ROW = 3
"""So many buttons of one kind stand beside each other at most."""


def in_a_row(action_id: str) -> tuple[str, ...]:
    """Name buttons that do the same to different things, since Slack refuses two of one name in a row."""
    return (action_id, *(f"{action_id}_{number}" for number in range(2, MOST_IN_A_ROW + 1)))


def section(text: str, *, accessory: Element | None = None, block_id: str | None = None) -> Block:
    """Draw a paragraph of mrkdwn, with one thing to press beside it."""
    return _without_none({"type": "section", "block_id": block_id, "text": marked(text), "accessory": accessory})


def context(*texts: str) -> Block:
    """Draw small grey text."""
    return {"type": "context", "elements": [marked(text) for text in texts]}


def header(text: str) -> Block:
    """Draw a large line."""
    return {"type": "header", "text": plain(text, 150)}


def actions(*elements: Element, block_id: str | None = None) -> Block:
    """Draw a row of buttons."""
    return _without_none({"type": "actions", "block_id": block_id, "elements": list(elements)})


def image(url: str, described: str) -> Block:
    """Draw a picture, and say in words what it shows."""
    return {"type": "image", "image_url": url, "alt_text": described[:2000]}


def divider() -> Block:
    """Draw a line."""
    return {"type": "divider"}


def button(
    text: str,
    action_id: str,
    *,
    value: str | None = None,
    style: Literal["primary", "danger"] | None = None,
    url: str | None = None,
) -> Element:
    """Draw a button. One with a `url` opens it, and is still told to us."""
    drawn = {"type": "button", "text": plain(text, 75), "action_id": action_id}
    return _without_none({**drawn, "value": value, "style": style, "url": url})


def option(text: str, value: str, *, description: str | None = None) -> Element:
    """Draw one choice of a menu."""
    about = plain(description, LONGEST_OPTION) if description else None
    return _without_none({"text": plain(text, LONGEST_OPTION), "value": str(value), "description": about})


def overflow(action_id: str, *options: Element) -> Element:
    """Draw the menu behind three dots."""
    return {"type": "overflow", "action_id": action_id, "options": list(options)}


def field(
    label: str,
    element: Element,
    *,
    block_id: str,
    hint: str | None = None,
    optional: bool = False,
    dispatch: bool = False,
) -> Block:
    """Draw a field of a form; with `dispatch` each choice is told to us at once."""
    drawn: Block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element}
    if hint:
        drawn["hint"] = plain(hint, 2000)
    if optional:
        drawn["optional"] = True
    if dispatch:
        drawn["dispatch_action"] = True
    return drawn


def text_input(action_id: str, *, initial: str = "", placeholder: str) -> Element:
    """Draw an input for one line; what it starts with is exactly what was typed."""
    drawn = {"type": "plain_text_input", "action_id": action_id, "placeholder": plain(placeholder, 150)}
    return drawn | ({"initial_value": initial} if initial else {})


def checkbox(action_id: str, text: str, *, is_checked: bool) -> Element:
    """Draw one box to tick, whose value is `yes`."""
    yes = option(text, "yes")
    element: Element = {"type": "checkboxes", "action_id": action_id, "options": [yes]}
    return element | ({"initial_options": [yes]} if is_checked else {})


def menu(action_id: str, options: Mapping[str, str], chosen: str) -> Element:
    """Draw a menu of these values with their words, one of which is chosen."""
    drawn = {value: option(words, value) for value, words in options.items()}
    element = {"type": "static_select", "action_id": action_id, "options": list(drawn.values())[:MOST_OPTIONS]}
    return element | {"initial_option": drawn[chosen]}


def looked_up(action_id: str, placeholder: str, *, many: bool = False) -> Element:
    """Draw a menu whose choices are looked up while somebody types."""
    kind = "multi_external_select" if many else "external_select"
    return {"type": kind, "action_id": action_id, "placeholder": plain(placeholder, 150), "min_query_length": 0}


def modal(
    title: str,
    blocks: Iterable[Block],
    *,
    callback_id: str,
    submit: str | None = None,
    close: str = "Cancel",
    metadata: str | None = None,
) -> View:
    """Draw a modal. `metadata` is an id, nothing more: whatever else is needed is read anew when it comes back."""
    drawn = {"type": "modal", "callback_id": callback_id, "title": plain(title, 24), "close": plain(close, 24)}
    submitting = plain(submit, 24) if submit else None
    return _without_none({**drawn, "submit": submitting, "private_metadata": metadata, "blocks": list(blocks)})


def home(blocks: Sequence[Block]) -> View:
    """Draw a Home tab."""
    return {"type": "home", "blocks": list(blocks)}


def _without_none(drawn: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in drawn.items() if value is not None}
