"""A list that is shown a page at a time, and the buttons that turn its pages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from handlers.views.blocks import Block, actions, button, context

PAGE_SIZE = 12
"""Two lists of this length, their headings and all that may need attention stay well under Slack's 100 blocks."""

MOST_PAGES = 100_000

Row = TypeVar("Row")


@dataclass(frozen=True)
class Actions:
    """The names of the buttons that turn pages."""

    previous: str = "page_previous"
    next: str = "page_next"


ACTIONS = Actions()


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """The rows of one page, and how many there are on all pages."""

    rows: tuple[Row, ...] = ()
    total: int = 0


@dataclass(frozen=True)
class Pages:
    """Which page of each list is shown, from 0."""

    destinations: int = 0
    sources: int = 0


FIRST_PAGES = Pages()


def read_pages(action: Mapping[str, Any]) -> Pages:
    """Read which pages a press on one of the buttons asks for."""
    first, _, second = str(action.get("value") or "").partition(" ")
    return Pages(_page(first), _page(second))


def _page(number: str) -> int:
    return min(int(number), MOST_PAGES) if number.isdecimal() else 0


def pager(listing: Listing[Any], pages: Pages, which: Literal["destinations", "sources"]) -> list[Block]:
    """Say which part of a list is shown and draw the buttons to the rest; nothing where all is shown."""
    number: int = getattr(pages, which)
    shown = min(len(listing.rows), PAGE_SIZE)
    if shown == listing.total:
        return []
    first = number * PAGE_SIZE + 1
    which_ones = f"{first}–{first + shown - 1}" if shown > 1 else f"{first}"
    there = f"{which_ones} of {listing.total}" if shown else f"This page is empty; there are {listing.total}."
    turns = [("Previous", ACTIONS.previous, number - 1)] if number > 0 else []
    turns += [("Next", ACTIONS.next, number + 1)] if (number + 1) * PAGE_SIZE < listing.total else []
    buttons = [button(words, action, value=_value(replace(pages, **{which: to}))) for words, action, to in turns]
    return [context(there), *([actions(*buttons, block_id=f"pages_{which}")] if buttons else [])]


def _value(pages: Pages) -> str:
    return f"{pages.destinations} {pages.sources}"
