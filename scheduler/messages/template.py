"""A template: `🎉 {{$.properties.name}} just completed an order for {{$.properties.total}}!`, filled in from an event.

`{{$.properties.name}}`, `{{properties.name}}` and `{{{properties.name}}}` are the same, as Customer.io and Segment
write them; items of lists are `items.0.name` or `items[0].name`. Every value is escaped: an event mentions nobody.
What is missing is empty, and is said beside the result, which neither of the two does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.base import UserError
from scheduler.messages import mrkdwn

LONGEST = 2500
VALUE_LIMITS = (500, 100, 20, 1)
"""How long a value may be: the first under which the whole fits into one of Slack's sections."""

_VARIABLE = re.compile(r"\{\{\{?\s*(?P<path>[^{}]*?)\s*\}?\}\}")
_ENTITY = re.compile(r"(<(?:https?://|mailto:|[#@!])[^<>{}]+>)")
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
_STEP = re.compile(r"\.?(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<quote>['\"])(?P<quoted>[^'\"]+)(?P=quote)\]")


class TemplateError(UserError):
    """The template can't be read."""


@dataclass(frozen=True)
class Filled:
    """A text ready for Slack, and the variables that the event did not have."""

    text: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A template that was checked when it was made."""

    source: str

    def __post_init__(self) -> None:
        """Refuse what can't be filled in; `TemplateError` says where."""
        if not self.source.strip():
            raise TemplateError("Write the message, such as: {{$.properties.name}} signed up.")
        length = mrkdwn.width(_own_words(self.source))
        if length > LONGEST:
            raise TemplateError(f"A message has at most {LONGEST:,} characters; this one has {length:,}.")
        for path in self.paths:
            _steps(path)
        rest = _VARIABLE.sub("", self.source)
        if "{{" in rest or "}}" in rest:
            raise TemplateError(
                "A variable is written {{$.properties.name}}: two braces on each side, and none inside."
            )

    @property
    def paths(self) -> tuple[str, ...]:
        """List the variables as they are written, each once."""
        return tuple(dict.fromkeys(found["path"] for found in _VARIABLE.finditer(self.source)))

    def fill(self, event: Mapping[str, Any]) -> Filled:
        """Fill the template in from an event. The author's own mrkdwn stays; what comes from the event is escaped."""
        values = {path: written(look_up(event, path)) for path in self.paths}
        texts = (self._with(values, limit) for limit in VALUE_LIMITS)
        text = next(text for text in texts if mrkdwn.width(text) <= mrkdwn.LONGEST_TEXT)
        return Filled(text, tuple(path for path, value in values.items() if not value))

    def _with(self, values: Mapping[str, str], limit: int) -> str:
        def value_of(found: re.Match[str]) -> str:
            return mrkdwn.escape(values[found["path"]], limit, empty="")

        return _VARIABLE.sub(value_of, _own_words(self.source))


def look_up(event: Mapping[str, Any], path: str) -> Any:
    """Follow a path such as `$.properties.items[0].name` into an event; None where it leads nowhere."""
    value: Any = event
    for step in _steps(path):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, Sequence) and not isinstance(value, str) and step.isdecimal():
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def written(value: Any) -> str:
    """Write a value for people: whole numbers without decimals, lists with commas, yes and no."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case list():
            return ", ".join(written(one) for one in value)
        case dict():
            return ", ".join(f"{name}: {written(one)}" for name, one in value.items())
        case None:
            return ""
        case _:
            return str(value)


def _own_words(source: str) -> str:
    """Keep the author's formatting, links and mentions; a bracket around a variable is a bracket and opens nothing."""
    parts = _ENTITY.split(source)
    return "".join(part if index % 2 else _plain_brackets(part) for index, part in enumerate(parts))


def _plain_brackets(text: str) -> str:
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def _steps(path: str) -> list[str]:
    """Split a path into its names and positions. Raises `TemplateError` where it is none."""
    rest = path.removeprefix("$").removeprefix(".")
    steps, position = [], 0
    while position < len(rest):
        found = _STEP.match(rest, position)
        if found is None:
            break
        steps.append(
            next(part for part in (found["name"], found["index"], found["quoted"]) if part is not None).strip()
        )
        position = found.end()
    if not steps or position < len(rest) or not all(steps):
        raise TemplateError(f"“{{{{{path}}}}}” names nothing. Write a path, such as {{{{$.properties.name}}}}.")
    return steps
