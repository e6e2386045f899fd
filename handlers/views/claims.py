"""What somebody reads who claims something: that they have it, or who has it; and how it is let go."""

from collections.abc import Mapping
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import button, section
from models.account import Account
from models.claim import Claim, Taken
from scheduler.messages import mrkdwn
from scheduler.messages.claim import ACTIONS

LONGEST_NAME = 160


def taken(claimed: Taken, about: Account, *, reader: str, may_release: bool) -> Answer:
    """Answer who takes care of something, with what ends that where the reader may."""
    name = mrkdwn.bold(mrkdwn.escape(about.display_name, LONGEST_NAME))
    if claimed.is_new:
        text = f"You take care of {name} now. The thread says so."
    else:
        text = _held(claimed.claim, name, reader=reader)
    release = button("Release", ACTIONS.release, value=claimed.claim.id) if may_release else None
    return Answer(response_type="ephemeral", text=text, blocks=[section(text, accessory=release)])


def released(about: str | None, *, was_held: bool, held: Claim | None, reader: str) -> Answer:
    """Answer that something is free again; or who has it, where it was let go before and somebody took it since."""
    name = mrkdwn.bold(mrkdwn.escape(about, LONGEST_NAME)) if about else "this"
    if held is not None:
        text = _held(held, name, reader=reader)
    elif was_held:
        text = f"Nobody takes care of {name} now. The thread says so."
    else:
        text = f"Nobody takes care of {name}: it was let go before."
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])


def _held(claim: Claim, name: str, *, reader: str) -> str:
    who = "You have" if claim.user_id == reader else f"{mrkdwn.person(claim.user_id)} has"
    return f"{who} taken care of {name} since {mrkdwn.moment(claim.claimed_at)}."


def read(action: Mapping[str, Any]) -> str:
    """Read which claim is let go."""
    return str(action.get("value"))
