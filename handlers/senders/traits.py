"""Traits: the free-form values in a vendor's payload, taken out one by one; what nobody takes becomes attributes.

A value that doesn't fit its field, such as an e-mail of "n/a", stays among the attributes: vendors can't be asked to
send it again in another shape, and nothing that they sent should vanish.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from handlers.senders.reading import identifier
from models.base import json_bytes
from models.fact import EARLIEST, LATEST, MOST_IN_ATTRIBUTE, MOST_IN_NAME, Scalar, is_email, read_instant

T = TypeVar("T")


class Traits:
    """A payload's values by name. Taking one removes it."""

    def __init__(self, values: Any) -> None:
        """Take a JSON object; anything else counts as none. `left` is what nobody took yet."""
        self.left: dict[str, Any] = dict(values) if isinstance(values, Mapping) else {}

    def text(self, *names: str, most: int = MOST_IN_NAME) -> str | None:
        """Take the first of these that is a text of at most so many characters, or a number."""

        def fitting(value: Any) -> str | None:
            text = str(value) if isinstance(value, float) else identifier(value)
            return text if text is not None and len(text) <= most else None

        return self._first(names, fitting)

    def identifier(self, *names: str) -> str | None:
        """Take the first of these that is an id."""
        return self._first(names, identifier)

    def email(self, *names: str) -> str | None:
        """Take the first of these that is an e-mail address."""
        return self._first(names, lambda value: value if isinstance(value, str) and is_email(value) else None)

    def instant(self, *names: str) -> datetime | None:
        """Take the first of these that is an instant."""

        def fitting(value: Any) -> datetime | None:
            instant = read_instant(value)
            return instant if instant is not None and EARLIEST <= instant < LATEST else None

        return self._first(names, fitting)

    def nested(self, name: str) -> "Traits":
        """Take an object's own traits. A text in its place is its name."""

        def fitting(value: Any) -> dict[str, Any] | None:
            if isinstance(value, str):
                return {"name": value}
            return value if isinstance(value, dict) else None

        return Traits(self._first((name,), fitting))

    def keep(self, name: str, nested: "Traits") -> None:
        """Put back what nobody took of an object."""
        if nested.left:
            self.left[name] = nested.left

    def drop(self, *names: str) -> None:
        """Forget these."""
        for name in names:
            self.left.pop(name, None)

    def attributes(self) -> dict[str, Scalar]:
        """Flatten what is left: objects by dots, lists joined by commas, long texts cut."""
        flat: dict[str, Scalar] = {}
        for name, value in self.left.items():
            _flatten(value, name, flat)
        return flat

    def _first(self, names: tuple[str, ...], fitting: Callable[[Any], T | None]) -> T | None:
        for name in names:
            value = fitting(self.left.get(name))
            if value is not None:
                del self.left[name]
                return value
        return None


def _flatten(value: Any, name: str, flat: dict[str, Scalar]) -> None:
    if isinstance(value, dict):
        for key, child in value.items():
            _flatten(child, f"{name}.{key}", flat)
    elif name.strip():
        flat[name.strip()] = _cut(_joined(value)) if isinstance(value, list | str) else value


def _joined(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_joined(child) for child in value if child is not None)
    return value if isinstance(value, str) else json_bytes(value).decode()


def _cut(text: str) -> str:
    return text if len(text) <= MOST_IN_ATTRIBUTE else f"{text[: MOST_IN_ATTRIBUTE - 1]}…"
