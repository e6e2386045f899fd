"""Block Kit as strictly as Slack takes it: unknown fields, lengths, places, surfaces, and what must be unique.

`catalog` holds what is known, as data; `kinds` is the vocabulary it is written in, `rules` and `payload` say what must
hold within one object and across blocks. Unseen from here, because they need a workspace or the network: whether ids
exist, whether a picture can be fetched, and how large a whole message or view may be.
"""

from typing import Any

from bot.sandbox.blocks import payload
from bot.sandbox.blocks.catalog import MESSAGE_BLOCKS, VIEW_BLOCKS, VIEW_TYPES
from bot.sandbox.blocks.kinds import HOMES, MODALS, Place, Surface

__all__ = ["InvalidBlocks", "Surface", "validate_blocks", "validate_view"]


class InvalidBlocks(ValueError):  # noqa: N818  Named after Slack's error code.
    """Slack refuses these blocks; `errors` says why, in Slack's words with a JSON pointer each."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


def validate_blocks(blocks: Any, *, surface: Surface, pointer: str = "/blocks") -> None:
    """Raise InvalidBlocks unless Slack would take the blocks; `pointer` is where they stand in the call's arguments."""
    place = Place(pointer, surface)
    kind = VIEW_BLOCKS if surface in MODALS | HOMES else MESSAGE_BLOCKS
    _refuse(list(kind.problems(blocks, place)))
    _refuse(list(payload.problems(blocks, place)))


def validate_view(view: Any) -> None:
    """Raise InvalidBlocks unless Slack would take the modal or Home tab."""
    surface: Surface = "home" if isinstance(view, dict) and view.get("type") == "home" else "modal"
    place = Place("/view", surface)
    _refuse(list(VIEW_TYPES.problems(view, place)))
    _refuse(list(payload.view_problems(view, place)))


def _refuse(errors: list[str]) -> None:
    if errors:
        raise InvalidBlocks(errors)
