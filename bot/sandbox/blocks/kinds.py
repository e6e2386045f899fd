"""The vocabulary of the catalog: what a value may be, each word with the sentence by which Slack refuses anything else.

The sentences are Slack's own, as its JSON schema library (slackhq/hack-json-schema) and people's logs show them.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Surface = Literal["message", "ephemeral", "unfurl", "modal", "home"]
Surfaces = frozenset[Surface]
Json = dict[str, Any]
Problems = Iterator[str]

MESSAGES: Surfaces = frozenset({"message", "ephemeral"})
UNFURLS: Surfaces = frozenset({"unfurl"})
MODALS: Surfaces = frozenset({"modal"})
HOMES: Surfaces = frozenset({"home"})
EVERYWHERE: Surfaces = MESSAGES | UNFURLS | MODALS | HOMES


@dataclass(frozen=True)
class Place:
    """Where a value stands: its JSON pointer, and the surface that it is for."""

    pointer: str
    surface: Surface

    def at(self, key: str | int) -> "Place":
        return Place(f"{self.pointer}/{key}", self.surface)

    def refuse(self, words: str) -> str:
        return f"{words} [json-pointer:{self.pointer}]"


Rule = Callable[[Json, Place], Problems]


class Kind(Protocol):
    """Anything that can say what is wrong with a value."""

    def problems(self, value: Any, place: Place) -> Problems: ...


@dataclass(frozen=True)
class String:
    """A string of `least` to `most` characters, in full of the form `pattern`."""

    most: int | None = None
    least: int = 1
    pattern: str | None = None

    def problems(self, value: Any, place: Place) -> Problems:
        if not isinstance(value, str):
            yield place.refuse("must provide a string")
        elif len(value) < self.least:
            yield place.refuse(f"must be more than {self.least - 1} characters")
        elif self.most is not None and len(value) > self.most:
            yield place.refuse(f"must be less than {self.most + 1} characters")
        elif self.pattern is not None and not re.fullmatch(self.pattern, value):
            yield place.refuse(f"input must match regex pattern: ^{self.pattern}$")


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def problems(self, value: Any, place: Place) -> Problems:
        if not isinstance(value, str):
            yield place.refuse("must provide a string")
        elif value not in self.words:
            yield place.refuse("must be a valid enum value")


def one_of(*words: str) -> Choice:
    return Choice(words)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def problems(self, value: Any, place: Place) -> Problems:
        if not isinstance(value, bool):
            yield place.refuse("must be a boolean")


@dataclass(frozen=True)
class Number:
    """A finite number from `least` to `most`, both included, though Slack's sentences sound as if they weren't.

    `above` is a bound that is itself left out.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None

    def problems(self, value: Any, place: Place) -> Problems:
        if not _is_number(value):
            yield place.refuse("must provide a number")
        elif self.least is not None and value < self.least:
            yield place.refuse(f"must be greater than {self.least}")
        elif self.above is not None and value <= self.above:
            yield place.refuse(f"must be greater than {self.above}")
        elif self.most is not None and value > self.most:
            yield place.refuse(f"must be less than {self.most}")


@dataclass(frozen=True)
class Integer(Number):
    """A whole number, likewise."""

    def problems(self, value: Any, place: Place) -> Problems:
        if isinstance(value, bool) or not isinstance(value, int):
            yield place.refuse("must provide an integer")
        else:
            yield from super().problems(value, place)


@dataclass(frozen=True)
class Items:
    """A list of `least` to `most` values of one kind; where `distinct`, none of them twice."""

    of: Kind
    most: int | None = None
    least: int = 1
    distinct: bool = False

    def problems(self, value: Any, place: Place) -> Problems:
        if not isinstance(value, list):
            yield place.refuse("must provide an array")
        elif len(value) < self.least:
            yield place.refuse(f"must provide at least {self.least} items")
        elif self.most is not None and len(value) > self.most:
            yield place.refuse(f"no more than {self.most} items allowed")
        else:
            yield from self._inside(value, place)

    def _inside(self, value: list[Any], place: Place) -> Problems:
        found = [problem for index, item in enumerate(value) for problem in self.of.problems(item, place.at(index))]
        yield from found
        if not found and self.distinct and any(value.count(item) > 1 for item in value):
            yield place.refuse("Input contains duplicate items")


@dataclass(frozen=True)
class OrNull:
    """A value of the kind, or null."""

    kind: Kind

    def problems(self, value: Any, place: Place) -> Problems:
        if value is not None:
            yield from self.kind.problems(value, place)


@dataclass(frozen=True)
class Shape:
    """An object with these fields and no others; its rules are asked once every field is right by itself."""

    required: Mapping[str, Kind] = field(default_factory=dict)
    optional: Mapping[str, Kind] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    surfaces: Surfaces = EVERYWHERE

    def problems(self, value: Any, place: Place) -> Problems:
        if not isinstance(value, dict):
            yield place.refuse("must provide an object")
            return
        found = [*self._misnamed(value, place), *self._misfilled(value, place)]
        yield from found or self._broken(value, place)

    def _misnamed(self, value: Json, place: Place) -> Problems:
        for name in self.required:
            if name not in value:
                yield place.refuse(f"missing required field: {name}")
        for name in value:
            if name not in self.required and name not in self.optional:
                yield place.refuse(f"invalid additional property: {name}")

    def _misfilled(self, value: Json, place: Place) -> Problems:
        for name, kind in (*self.required.items(), *self.optional.items()):
            if name in value:
                yield from kind.problems(value[name], place.at(name))

    def _broken(self, value: Json, place: Place) -> Problems:
        for rule in self.rules:
            yield from rule(value, place)


@dataclass(frozen=True)
class Typed:
    """An object whose `type` says which of several shapes it has. Of some unions Slack says first that none matched."""

    shapes: Mapping[str, Shape]
    announced: bool = False

    def problems(self, value: Any, place: Place) -> Problems:
        unknown = self._unknown(value, place)
        if unknown:
            yield unknown
            return
        fields = {name: content for name, content in value.items() if name != "type"}
        found = list(self.shapes[value["type"]].problems(fields, place))
        if found and self.announced:
            yield place.refuse("failed to match all allowed schemas")
        yield from found

    def _unknown(self, value: Any, place: Place) -> str | None:
        if not isinstance(value, dict):
            return place.refuse("must provide an object")
        if "type" not in value:
            return place.refuse("missing required field: type")
        name = value["type"]
        if not isinstance(name, str):
            return place.at("type").refuse("must provide a string")
        if name not in self.shapes or place.surface not in self.shapes[name].surfaces:
            return place.at("type").refuse(f"unsupported type: {name}")
        return None


def _is_number(value: Any) -> bool:
    """Tell numbers from booleans, which Python counts among them, and from what JSON can't say."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
