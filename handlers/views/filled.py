"""What a person filled into a form, read from the `state` of its view; what is missing reads as not filled in."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Filled:
    """The values of a view's inputs. Each of our input blocks has one element, so a block's id finds it."""

    values: dict[str, dict[str, Any]]

    def text(self, block_id: str) -> str:
        """Read a text input."""
        return str(self._element(block_id).get("value") or "")

    def option(self, block_id: str) -> str | None:
        """Read the value of the one option chosen."""
        chosen = self._element(block_id).get("selected_option") or {}
        value = chosen.get("value")
        return None if value is None else str(value)

    def options(self, block_id: str) -> tuple[str, ...]:
        """Read the values of the options chosen."""
        return tuple(str(chosen["value"]) for chosen in self._element(block_id).get("selected_options") or ())

    def time(self, block_id: str) -> str:
        """Read a time of day, as `09:00`."""
        return str(self._element(block_id).get("selected_time") or "")

    def date(self, block_id: str) -> str:
        """Read a day, as `2026-11-30`."""
        return str(self._element(block_id).get("selected_date") or "")

    def conversations(self, block_id: str) -> tuple[str, ...]:
        """Read the ids of the conversations chosen."""
        return tuple(self._element(block_id).get("selected_conversations") or ())

    def conversation(self, block_id: str) -> str | None:
        """Read the id of the one conversation chosen."""
        return self._element(block_id).get("selected_conversation") or None

    def user(self, block_id: str) -> str | None:
        """Read the id of the one person chosen."""
        return self._element(block_id).get("selected_user") or None

    def users(self, block_id: str) -> tuple[str, ...]:
        """Read the ids of the people chosen."""
        return tuple(self._element(block_id).get("selected_users") or ())

    def _element(self, block_id: str) -> dict[str, Any]:
        return next(iter((self.values.get(block_id) or {}).values()), None) or {}


def filled(view: dict[str, Any]) -> Filled:
    """Read the state of a view as Slack sends it with a submission or an action."""
    return Filled((view.get("state") or {}).get("values") or {})


def subject(view: dict[str, Any]) -> str | None:
    """Read the id of the thing that the view is about; None for a view that makes a new one.

    What follows it after a bar is the view's own.
    """
    return (view.get("private_metadata") or "").partition("|")[0] or None
