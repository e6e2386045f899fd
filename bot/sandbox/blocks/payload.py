"""What must hold across the blocks of one message or view, asked once every block is right by itself."""

from collections.abc import Iterator
from typing import Any

from bot.sandbox.blocks.kinds import Json, Place, Problems

# How many blocks of a type a payload may hold, and what Slack says of one more.
AT_MOST = {
    "table": (1, "only_one_table_allowed"),
    "data_visualization": (2, "no more than 2 data_visualization blocks allowed"),
}
MARKDOWN_CHARACTERS = 12_000
CHILDREN = {"container": "child_blocks", "carousel": "elements"}


def problems(blocks: list[Json], place: Place) -> Problems:
    placed = list(_placed(blocks, place))
    yield from _repeated_ids(placed)
    yield from _too_many(placed)
    yield from _too_much_markdown(placed)


def view_problems(view: Json, place: Place) -> Problems:
    blocks = place.at("blocks")
    yield from problems(view["blocks"], blocks)
    yield from _second_focus(view["blocks"], blocks)
    if view["type"] == "modal" and "submit" not in view:
        for index, block in enumerate(view["blocks"]):
            if block["type"] == "input":
                yield blocks.at(index).at("input").refuse("must define `submit` to use an `input` block in modals")


def _placed(blocks: list[Json], place: Place) -> Iterator[tuple[Json, Place]]:
    """List the blocks with their places, each followed by those inside it."""
    for index, block in enumerate(blocks):
        yield block, place.at(index)
        inside = CHILDREN.get(block["type"])
        if inside:
            yield from _placed(block[inside], place.at(index).at(inside))


def _repeated_ids(placed: list[tuple[Json, Place]]) -> Problems:
    seen = set()
    for block, place in placed:
        block_id = block.get("block_id")
        if block_id in seen:
            yield place.at("block_id").refuse(f'`block_id` "{block_id}" already exists')
        elif block_id is not None:
            seen.add(block_id)


def _too_many(placed: list[tuple[Json, Place]]) -> Problems:
    for name, (most, words) in AT_MOST.items():
        for _, place in [entry for entry in placed if entry[0]["type"] == name][most:]:
            yield place.refuse(words)


def _too_much_markdown(placed: list[tuple[Json, Place]]) -> Problems:
    total = 0
    for block, place in placed:
        if block["type"] == "markdown":
            total += len(block["text"])
            if total > MARKDOWN_CHARACTERS:
                yield place.at("text").refuse(f"must be less than {MARKDOWN_CHARACTERS + 1} characters")


def _second_focus(blocks: list[Json], place: Place) -> Problems:
    for focused in list(_focused(blocks, place))[1:]:
        yield focused.at("focus_on_load").refuse("can only be true for one element")


def _focused(value: Any, place: Place) -> Iterator[Place]:
    """Find the elements that want the cursor, wherever their blocks hold them."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _focused(item, place.at(index))
    elif isinstance(value, dict):
        if value.get("focus_on_load"):
            yield place
        for name, content in value.items():
            yield from _focused(content, place.at(name))
