"""What a person can choose in each Block Kit element, and the shapes that Slack's own client gives to a choice.

A *choice* is what the person means, as plain JSON: a text, an option's value, a channel's id, or a list of these.
A *value* is what the app sees of it in `state.values` and `actions[0]`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.sandbox.errors import NotPossibleError
from bot.sandbox.records import Json

Values: TypeAlias = dict[str, dict[str, Json]]


@dataclass(frozen=True)
class Shape:
    """Where an element keeps its value, and what it starts with."""

    field: str
    initial: str
    options: bool = False
    many: bool = False


SHAPES = {
    "plain_text_input": Shape("value", "initial_value"),
    "email_text_input": Shape("value", "initial_value"),
    "url_text_input": Shape("value", "initial_value"),
    "number_input": Shape("value", "initial_value"),
    "rich_text_input": Shape("rich_text_value", "initial_value"),
    "datepicker": Shape("selected_date", "initial_date"),
    "timepicker": Shape("selected_time", "initial_time"),
    "datetimepicker": Shape("selected_date_time", "initial_date_time"),
    "static_select": Shape("selected_option", "initial_option", options=True),
    "external_select": Shape("selected_option", "initial_option", options=True),
    "radio_buttons": Shape("selected_option", "initial_option", options=True),
    "users_select": Shape("selected_user", "initial_user"),
    "channels_select": Shape("selected_channel", "initial_channel"),
    "conversations_select": Shape("selected_conversation", "initial_conversation"),
    "checkboxes": Shape("selected_options", "initial_options", options=True, many=True),
    "multi_static_select": Shape("selected_options", "initial_options", options=True, many=True),
    "multi_external_select": Shape("selected_options", "initial_options", options=True, many=True),
    "multi_users_select": Shape("selected_users", "initial_users", many=True),
    "multi_channels_select": Shape("selected_channels", "initial_channels", many=True),
    "multi_conversations_select": Shape("selected_conversations", "initial_conversations", many=True),
    "file_input": Shape("files", "initial_files", many=True),
}
EXTERNAL = frozenset({"external_select", "multi_external_select"})
CHANNEL_PICKERS = frozenset(name for name in SHAPES if "channels_select" in name or "conversations_select" in name)
PEOPLE_PICKERS = frozenset({"users_select", "multi_users_select"})
# Beside the value, an action repeats these of the element.
REPEATED = ("text", "value", "url", "style", "placeholder", "confirm", "min_query_length")

PRESSED = frozenset({"button", "workflow_button", "icon_button", "overflow", "feedback_buttons"})
FEEDBACK = ("positive_button", "negative_button")

NESTING = {"container": "child_blocks", "carousel": "elements"}


@dataclass(frozen=True)
class Placed:
    """An interactive element where it stands."""

    block: Json
    element: Json

    @property
    def block_id(self) -> str:
        return str(self.block.get("block_id", ""))

    @property
    def action_id(self) -> str:
        return str(self.element.get("action_id", ""))

    @property
    def type(self) -> str:
        return str(self.element["type"])

    @property
    def shape(self) -> Shape | None:
        return SHAPES.get(self.type)

    @property
    def label(self) -> str:
        """The words a person finds it by: an input's label, a button's text, a menu's placeholder."""
        for words in (self.block.get("label"), self.element.get("text"), self.element.get("placeholder")):
            if words:
                return str(words["text"])
        return self.action_id

    @property
    def is_input(self) -> bool:
        return self.block.get("type") == "input"

    @property
    def required(self) -> bool:
        return self.is_input and not self.block.get("optional", False)

    @property
    def dispatches(self) -> bool:
        """Whether a choice is told to the app at once, not only when the view is submitted."""
        return not self.is_input or bool(self.block.get("dispatch_action", False))

    @property
    def value(self) -> Json | None:
        """The value before anybody chose; None for an element that keeps none, such as a button."""
        if self.shape is None:
            return None
        return self._valued(self.element.get(self.shape.initial, [] if self.shape.many else None))

    def choose(self, choice: Any, *, offered: Iterable[Json] = ()) -> Json:
        """Return the value for a choice; `offered` are the options that the app gave for an external menu."""
        shape = self.shape
        if shape is None:
            raise NotPossibleError(f"“{self.label}” is a {self.type}: there is nothing to fill in.")
        if choice in (None, "", []):
            return self._valued([] if shape.many else None)
        if shape.many != isinstance(choice, list):
            raise NotPossibleError(f"“{self.label}” takes {'a list' if shape.many else 'one value'}, not {choice!r}.")
        if shape.options:
            options = [*self.options, *offered]
            choice = [self._option(options, one) for one in choice] if shape.many else self._option(options, choice)
        if self.type == "rich_text_input" and isinstance(choice, str):
            choice = _rich(choice)
        return self._valued(str(choice) if self.type == "number_input" else choice)

    @property
    def offers(self) -> bool:
        """Whether there is something to choose from in pressing it, as in an overflow menu."""
        return self.type in {"overflow", "feedback_buttons"}

    def pressed(self, choice: Any) -> Json | None:
        """Return what the app is told of a press beside the element: what was chosen with it, if it offers a choice."""
        if not self.offers:
            return None
        option = self._option(list(self.options), str(choice))
        return {"selected_option": option} if self.type == "overflow" else option

    def _option(self, options: list[Json], wanted: str) -> Json:
        """Find an option by its value, or by the words a person reads."""
        for one in [option for option in options if option.get("value") == wanted] or options:
            if wanted in (one.get("value"), one["text"]["text"]):
                return one
        there = ", ".join(one["text"]["text"] for one in options) or "none"
        raise NotPossibleError(f"“{self.label}” has no option {wanted!r}; there are: {there}.")

    @property
    def options(self) -> Iterator[Json]:
        yield from (self.element[name] for name in FEEDBACK if name in self.element)
        yield from self.element.get("options", [])
        for group in self.element.get("option_groups", []):
            yield from group["options"]

    def action(self, value: Json | None, *, at: str) -> Json:
        """Draw what the app is told when a person used this element."""
        repeated = {key: self.element[key] for key in REPEATED if key in self.element}
        place = {"type": self.type, "action_id": self.action_id, "block_id": self.block_id, "action_ts": at}
        if self.shape is not None and self.shape.initial in self.element:
            repeated[self.shape.initial] = self.element[self.shape.initial]
        return {**repeated, **place, **(value or {})}

    def _valued(self, held: Any) -> Json:
        shape = SHAPES[self.type]
        return {"type": self.type, shape.field: held}


def placed_in(blocks: Iterable[Json]) -> Iterator[Placed]:
    """Walk over the interactive elements of blocks, in the order a person sees them."""
    for block in blocks:
        inside = [*block.get("elements", []), block.get("element"), block.get("accessory"), *block.get("actions", [])]
        for element in inside:
            if isinstance(element, dict) and (element.get("type") in SHAPES or is_pressed(element)):
                yield Placed(block, element)
        if block.get("type") in NESTING:
            yield from placed_in(block.get(NESTING[block["type"]], []))


def is_pressed(element: Json) -> bool:
    return element.get("type") in PRESSED


def starting(blocks: Iterable[Json]) -> Values:
    """Return `state.values` of blocks nobody has touched."""
    return kept({}, blocks)


def kept(typed: Values, blocks: Iterable[Json]) -> Values:
    """Return `state.values` after a change of blocks.

    What was typed survives where `block_id`, `action_id` and the kind of element stayed; everything else starts anew.
    """
    values: Values = {}
    for placed in placed_in(blocks):
        value = placed.value
        if value is None:
            continue
        before = typed.get(placed.block_id, {}).get(placed.action_id)
        stays = before is not None and before["type"] == value["type"]
        values.setdefault(placed.block_id, {})[placed.action_id] = before if before is not None and stays else value
    return values


def _rich(text: str) -> Json:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [section]}


def is_empty(value: Json) -> bool:
    return all(held in (None, "", []) for key, held in value.items() if key != "type")
