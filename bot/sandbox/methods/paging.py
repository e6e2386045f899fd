"""Slack's cursors: an opaque word that names where the next page begins."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.records import Json

T = TypeVar("T")
DEFAULT_LIMIT = 100


def page(
    args: Arguments,
    items: Sequence[T],
    key: Callable[[T], str],
    *,
    most: int,
    default: int = DEFAULT_LIMIT,
    refusal: str = "invalid_limit",
) -> tuple[list[T], str]:
    """Cut the page that was asked for; return it with the cursor of the next one, or "" after the last."""
    limit = args.number("limit", default, most=most, code=refusal)
    start = _start(args.text("cursor"), [key(item) for item in items])
    following = items[start + limit : start + limit + 1]
    return list(items[start : start + limit]), _cursor(key(following[0])) if following else ""


def metadata(next_cursor: str) -> Json:
    return {"response_metadata": {"next_cursor": next_cursor}}


def _cursor(key: str) -> str:
    return base64.b64encode(f"next:{key}".encode()).decode()


def _start(cursor: str | None, keys: list[str]) -> int:
    if not cursor:
        return 0
    try:
        word, _, key = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise SlackError("invalid_cursor") from error
    if word != "next" or key not in keys:
        raise SlackError("invalid_cursor")
    return keys.index(key)
