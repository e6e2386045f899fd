"""Who takes care of what a message told, said in its thread; and that they let it go again."""

from dataclasses import dataclass
from typing import Any

from scheduler.messages import mrkdwn
from scheduler.messages.menu import claimed, menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class ClaimActions:
    """The names of the buttons."""

    take: str = "claim_take"
    release: str = "claim_release"


ACTIONS = ClaimActions()
LONGEST_NAME = 160


@dataclass(frozen=True, kw_only=True)
class ClaimMessage:
    """Who claimed something about an account; with `released_by`, who ended that."""

    who: str
    account_name: str
    released_by: str | None = None
    may_be_repeat: bool = False


def button(claimed_by: str | None) -> dict[str, Any]:
    """Draw the button that claims what a message tells, or says who has it."""
    words = "Claim" if claimed_by is None else claimed(claimed_by)
    return {"type": "button", "text": mrkdwn.plain(words, 75), "action_id": ACTIONS.take}


def draw(claim: ClaimMessage) -> Message:
    """Draw the reply."""
    repeat = " (may be a repeat)" if claim.may_be_repeat else ""
    said = f"{_said(claim, strong=True)}{repeat}"
    return message(f"{_said(claim)}{repeat}", {"type": "section", "text": mrkdwn.marked(said), "accessory": menu()})


def _said(claim: ClaimMessage, *, strong: bool = False) -> str:
    who, account = (mrkdwn.escape(name, LONGEST_NAME) for name in (claim.who, claim.account_name))
    if claim.released_by is None:
        return f"{mrkdwn.bold(who) if strong else who} takes care of this: {account}"
    by = mrkdwn.escape(claim.released_by, LONGEST_NAME)
    by = mrkdwn.bold(by) if strong else by
    let_go = f"{by} let this go" if claim.released_by == claim.who else f"{by} released what {who} had taken"
    return f"{let_go}: {account} is free to claim"
