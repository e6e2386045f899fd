"""The menu behind the three dots of a message: what the one main button leaves over."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scheduler.messages import mrkdwn


@dataclass(frozen=True)
class MenuActions:
    """The name of the menu. Its options carry no id: the message itself is what they are about."""

    menu: str = "message_menu"


ACTIONS = MenuActions()


class Choice(StrEnum):
    """What the menu of a message offers."""

    HISTORY = "account_history"
    MUTE = "mute_account"
    CLAIM = "claim"
    STOP_SIGNALS = "stop_signals"
    WHY = "why"


WORDS = {
    Choice.HISTORY: "Account history",
    Choice.MUTE: "Mute this account…",
    Choice.CLAIM: "Claim",
    Choice.STOP_SIGNALS: "Stop signals",
    Choice.WHY: "Why did I get this?",
}


def menu(*choices: Choice, claimed_by: str | None = None) -> dict[str, Any]:
    """Draw the menu with these choices, the question why at its end; with who has it in the place of “Claim”."""
    words = WORDS if claimed_by is None else {**WORDS, Choice.CLAIM: claimed(claimed_by)}
    options = [{"text": mrkdwn.plain(words[one], 75), "value": str(one)} for one in (*choices, Choice.WHY)]
    return {"type": "overflow", "action_id": ACTIONS.menu, "options": options}


def claimed(by: str) -> str:
    """Say who has what could be claimed."""
    return f"Claimed by {by}"


def read(action: Mapping[str, Any]) -> Choice:
    """Read what was chosen. Raises ValueError for what we never offered."""
    return Choice(str((action.get("selected_option") or {}).get("value")))
