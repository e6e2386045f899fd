"""What must hold between the fields of one object. A rule sees only objects whose fields are each right by themselves.

Where Slack's own words aren't known, the sentence is ours in Slack's manner.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bot.sandbox.blocks.kinds import Json, Place, Problems, Rule, Surfaces


def either(*names: str, at: str | None = None) -> Rule:
    """At least one of the fields; Slack points at `type` where the object has one."""
    words = f"must define either {', '.join(f'`{name}`' for name in names[:-1])} or `{names[-1]}`"

    def rule(value: Json, place: Place) -> Problems:
        if not any(name in value for name in names):
            yield (place.at(at) if at else place).refuse(words)

    return rule


def not_both(one: str, other: str) -> Rule:
    def rule(value: Json, place: Place) -> Problems:
        if one in value and other in value:
            yield place.refuse(f"must define only one of `{one}` or `{other}`")

    return rule


def exactly_one(usual: str, other: str) -> Rule:
    """One of the two fields; without both, Slack asks for the usual one."""

    def rule(value: Json, place: Place) -> Problems:
        if usual not in value and other not in value:
            yield place.refuse(f"missing required field: {usual}")
        yield from not_both(usual, other)(value, place)

    return rule


def only_on(surfaces: Surfaces, *names: str) -> Rule:
    def rule(value: Json, place: Place) -> Problems:
        for name in names:
            if name in value and place.surface not in surfaces:
                yield place.refuse(f"invalid additional property: {name}")

    return rule


def in_order(low: str, high: str) -> Rule:
    def rule(value: Json, place: Place) -> Problems:
        if low in value and high in value and Decimal(value[low]) > Decimal(value[high]):
            yield place.at(low).refuse(f"must not be greater than `{high}`")

    return rule


def among_options(name: str) -> Rule:
    """What is chosen from the start must equal one of the options, description and emoji flag included."""

    def rule(value: Json, place: Place) -> Problems:
        if name not in value:
            return
        chosen = value[name] if isinstance(value[name], list) else [value[name]]
        offered = list(_options(value))
        if not chosen or any(option not in offered for option in chosen):
            yield place.at(name).refuse("must be one of the provided options")

    return rule


def _options(element: Json) -> Iterator[Json]:
    yield from element.get("options", [])
    for group in element.get("option_groups", []):
        yield from group["options"]


def distinct_action_ids(name: str) -> Rule:
    def rule(value: Json, place: Place) -> Problems:
        seen = set()
        for index, element in enumerate(value.get(name, [])):
            action_id = element.get("action_id")
            if action_id in seen:
                yield place.at(name).at(index).at("action_id").refuse(f'`action_id` "{action_id}" already exists')
            elif action_id is not None:
                seen.add(action_id)

    return rule


def files_wait_for_submit(block: Json, place: Place) -> Problems:
    if block["element"]["type"] == "file_input" and block.get("dispatch_action"):
        yield place.at("dispatch_action").refuse("must not be true for a `file_input`")


def distinct_series_names(chart: Json, place: Place) -> Problems:
    names = [series["name"] for series in chart["series"]]
    if len(set(names)) < len(names):
        yield place.at("series").refuse("Input contains duplicate items")


def one_point_a_category(chart: Json, place: Place) -> Problems:
    categories = sorted(chart["axis_config"]["categories"])
    for index, series in enumerate(chart["series"]):
        if sorted(point["label"] for point in series["data"]) != categories:
            yield (
                place.at("series")
                .at(index)
                .at("data")
                .refuse("must have one value for each of `axis_config.categories`")
            )


def equal_rows(table: Json, place: Place) -> Problems:
    width = len(table["rows"][0])
    for index, row in enumerate(table["rows"]):
        if len(row) != width:
            yield place.at("rows").at(index).refuse(f"must have as many cells as the header: {width}")


def plain_header(table: Json, place: Place) -> Problems:
    for index, cell in enumerate(table["rows"][0]):
        if cell["type"] == "rich_text":
            yield place.at("rows").at(0).at(index).at("type").refuse("unsupported type: rich_text")


def row_header_is_a_column(table: Json, place: Place) -> Problems:
    column = table.get("row_header_column_index", 0)
    if column >= len(table["rows"][0]):
        yield place.at("row_header_column_index").refuse(f"must be less than {len(table['rows'][0])}")


def cell_characters(most: int) -> Rule:
    """The text of all cells together."""

    def rule(table: Json, place: Place) -> Problems:
        if sum(_characters(cell) for row in table["rows"] for cell in row) > most:
            yield place.at("rows").refuse(f"must be less than {most + 1} characters")

    return rule


def _characters(part: Any) -> int:
    """Count what a cell, or a part of its rich text, shows."""
    if "elements" in part:
        return sum(_characters(element) for element in part["elements"])
    return len(part.get("text") or part.get("url") or "")
