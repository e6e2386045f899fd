"""Blocks as they stand on somebody's screen: what was put into them, what menus offer, what a click is addressed to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from bot.sandbox.elements import CHANNEL_PICKERS, PEOPLE_PICKERS, Placed, Values
from bot.sandbox.records import Channel, Json, Person
from bot.sandbox.screen import Screen

# What a picker shows before a conversation's or a person's name.
SIGNS = {"public": "#", "private": "lock", "im": "person", "mpim": "people"}


@dataclass(frozen=True)
class Choice:
    """One line of a menu."""

    value: str
    label: str
    description: str = ""
    group: str = ""
    sign: str = ""


@dataclass(frozen=True)
class Surface:
    """Blocks with what was put into them and how a click on them is addressed."""

    screen: Screen
    blocks: list[Json]
    values: Values
    at: Json
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None

    @property
    def address(self) -> str:
        return orjson.dumps(self.at).decode()

    def held(self, block: Json, element: Json) -> Any:
        """Return what an element holds: a text, an option, an id, or a list of these."""
        value = self.values.get(block.get("block_id", ""), {}).get(element.get("action_id", ""), {})
        return next((held for name, held in value.items() if name != "type"), None)

    def typed(self, block: Json, element: Json) -> str:
        """Return what a text field holds, as it stands there."""
        held = self.held(block, element)
        match element["type"]:
            case "rich_text_input":
                return "\n".join(_lines(held)) if held else ""
            case "datetimepicker":
                return _on_the_clock(held, self.screen.person) if held else ""
        return str(held) if held is not None else ""

    def chosen(self, block: Json, element: Json) -> list[Choice]:
        """List what stands in a menu, with what it no longer offers."""
        held = self.held(block, element)
        each = held if isinstance(held, list) else [held] if held else []
        offered = {one.value: one for one in self.choices(element)}
        return [
            _option(one) if isinstance(one, dict) else offered.get(one) or self._unlisted(one, element) for one in each
        ]

    def values_of(self, block: Json, element: Json) -> list[str]:
        return [one.value for one in self.chosen(block, element)]

    def choices(self, element: Json) -> list[Choice]:
        """List what a menu offers to this person."""
        kind = element["type"]
        if kind in CHANNEL_PICKERS:
            return [self._place(one) for one in self.screen.places(kind, element)]
        if kind in PEOPLE_PICKERS:
            return [_person(one) for one in self.screen.people()]
        grouped = [
            _option(option, group["label"]["text"])
            for group in element.get("option_groups", [])
            for option in group["options"]
        ]
        return [*(_option(one) for one in Placed({}, element).options if not grouped), *grouped]

    def groups(self, element: Json) -> list[tuple[str, list[Choice]]]:
        """List the same under the headings that the app gave them; what has none comes under an empty one."""
        return [(name, list(some)) for name, some in groupby(self.choices(element), key=lambda one: one.group)]

    def shows(self, element: Json) -> bool:
        """Tell whether this person sees a button; one may be meant for some people only."""
        return self.screen.person.id in element.get("visible_to_user_ids", [self.screen.person.id])

    def _place(self, channel: Channel) -> Choice:
        note = "shared" if channel.is_shared else "private" if channel.kind == "private" else ""
        return Choice(channel.id, self.screen.title(channel), description=note, sign=SIGNS[channel.kind])

    def _unlisted(self, its_id: str, element: Json) -> Choice:
        channel, person = self.screen.known(its_id)
        if not channel and not person and element["type"] in CHANNEL_PICKERS:
            return Choice(its_id, "private channel", sign=SIGNS["private"])
        return self._place(channel) if channel else _person(person) if person else Choice(its_id, its_id)


def _person(person: Person) -> Choice:
    return Choice(person.id, person.real_name, description="app" if person.is_bot else person.title, sign="person")


def _option(option: Json, group: str = "") -> Choice:
    described = option.get("description")
    words = str(described["text"]) if described else ""
    return Choice(option.get("value", ""), option["text"]["text"], description=words, group=group)


def _lines(rich: Json) -> Iterator[str]:
    """Read rich text back as the lines of a plain field."""
    for part in rich.get("elements", []):
        inside = part.get("elements", [])
        if part.get("type") == "rich_text_list":
            yield from (f"- {_words(item.get('elements', []))}" for item in inside)
        else:
            yield _words(inside)


def _words(elements: list[Json]) -> str:
    return "".join(str(one.get("text") or one.get("url") or "") for one in elements)


def _on_the_clock(seconds: int, person: Person) -> str:
    local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(person.tz))
    return local.strftime("%Y-%m-%dT%H:%M")
