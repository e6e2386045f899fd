"""What somebody reads who claims something: that they have it, or who has it; and how it is let go."""

from collections.abc import Mapping
from typing import Any

from handlers.views.answers import Answer
from handlers.views.blocks import button, section
from models.account import Account
from models.claim import Taken
from scheduler.messages import mrkdwn
from scheduler.messages.claim import ACTIONS

LONGEST_NAME = 160


def taken(claimed: Taken, about: Account, *, reader: str, may_release: bool) -> Answer:
    """Answer who takes care of something, with what ends that where the reader may."""
    name = mrkdwn.bold(mrkdwn.escape(about.display_name, LONGEST_NAME))
    at = mrkdwn.moment(claimed.claim.claimed_at)
    if claimed.is_new:
        text = f"You take care of {name} now. The thread says so."
    elif claimed.claim.user_id == reader:
        text = f"You took care of {name} already, {at}."
    else:
        text = f"{mrkdwn.person(claimed.claim.user_id)} takes care of {name} since {at}."
    release = button("Release", ACTIONS.release, value=claimed.claim.id) if may_release else None
    return Answer(response_type="ephemeral", text=text, blocks=[section(text, accessory=release)])


def released() -> Answer:
    """Answer that something is free again."""
    text = "Nobody takes care of this now. The thread says so."
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])


def read(action: Mapping[str, Any]) -> str:
    """Read which claim is let go."""
    return str(action.get("value"))
