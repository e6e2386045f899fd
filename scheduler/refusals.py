"""What workspaces refuse: kinds of block that Slack did not take lately, so that they aren't offered in every message.

Each process keeps its own list, and forgets it: a refused call is all that this costs, and a workspace that gets native
charts, or a Slack that reaches our pictures again, is noticed.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from scheduler.messages.message import CHART, PICTURE, TABLE, Message

KEPT: Mapping[str, timedelta] = {
    CHART: timedelta(days=1),
    TABLE: timedelta(days=1),
    PICTURE: timedelta(hours=1),
}
"""For how long a kind is not offered. That a picture could not be fetched is more likely to pass."""


class Refusals:
    """Which kinds of block each workspace refuses at present."""

    def __init__(self) -> None:
        """Know of none."""
        self._until: dict[tuple[str, str], datetime] = {}

    def note(self, workspace_id: str, refused: Message, *, now: datetime) -> None:
        """Remember that a message was refused whose plainer form was taken: what that one lacks was the reason."""
        for kind in _kinds(refused) - _kinds(refused["plainer"]):
            self._until[workspace_id, kind] = now + KEPT.get(kind, timedelta())

    def spare(self, workspace_id: str, message: Message, *, now: datetime) -> Message:
        """Give the richest form of a message that has nothing in it which the workspace refuses."""
        while "plainer" in message and any(self._refuses(workspace_id, kind, now) for kind in _kinds(message)):
            message = message["plainer"]
        return message

    def _refuses(self, workspace_id: str, kind: str, now: datetime) -> bool:
        until = self._until.get((workspace_id, kind))
        return until is not None and now < until


def _kinds(message: Message) -> set[str]:
    return {block["type"] for block in message["blocks"]}
