"""What Slack's own client checks in a form before it sends anything to the app."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from bot.sandbox.elements import Placed, Values, is_empty, placed_in
from bot.sandbox.records import Json

REQUIRED = "Please complete this required field."
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def form_errors(blocks: list[Json], values: Values) -> dict[str, str]:
    """Return what a person reads under each field that cannot be sent as it is, by block id."""
    inputs = [placed for placed in placed_in(blocks) if placed.is_input]
    found = {one.block_id: _error(one, values[one.block_id][one.action_id]) for one in inputs}
    return {block_id: error for block_id, error in found.items() if error}


def _error(placed: Placed, value: Json) -> str | None:
    if is_empty(value):
        return REQUIRED if placed.required else None
    check = CHECKS.get(placed.type)
    return check(placed.element, value) if check else None


def _text(element: Json, value: Json) -> str | None:
    length = len(value["value"])
    if length < element.get("min_length", 0):
        return f"This entry must be at least {element['min_length']} characters."
    if length > element.get("max_length", 3_000):
        return f"This entry must be at most {element.get('max_length', 3_000)} characters."
    return None


def _email(_element: Json, value: Json) -> str | None:
    return None if EMAIL.fullmatch(value["value"]) else "This is not a valid email address."


def _url(_element: Json, value: Json) -> str | None:
    parts = urlsplit(value["value"])
    return None if parts.scheme in {"http", "https"} and parts.netloc else "This is not a valid URL."


def _number(element: Json, value: Json) -> str | None:
    try:
        number = float(value["value"])
    except ValueError:
        return "This is not a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "This must be a whole number."
    if number < float(element.get("min_value", number)):
        return f"This must be at least {element['min_value']}."
    if number > float(element.get("max_value", number)):
        return f"This must be at most {element['max_value']}."
    return None


def _list(element: Json, value: Json) -> str | None:
    most: Any = element.get("max_selected_items")
    chosen = next(held for held in value.values() if isinstance(held, list))
    return f"Choose at most {most}." if most and len(chosen) > most else None


def _files(element: Json, value: Json) -> str | None:
    most, wanted = element.get("max_files", 10), element.get("filetypes", [])
    if len(value["files"]) > most:
        return f"Choose at most {most} files." if most > 1 else "Choose one file."
    if wanted and any(file["name"].rpartition(".")[2].lower() not in wanted for file in value["files"]):
        return f"Choose a file of this kind: {', '.join(wanted)}."
    return None


CHECKS: Mapping[str, Callable[[Json, Json], str | None]] = {
    "plain_text_input": _text,
    "email_text_input": _email,
    "url_text_input": _url,
    "number_input": _number,
    "multi_static_select": _list,
    "multi_external_select": _list,
    "multi_users_select": _list,
    "multi_channels_select": _list,
    "multi_conversations_select": _list,
    "file_input": _files,
}
