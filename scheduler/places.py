"""What we know about a channel or a person that bears on a send: why it can't be seen, and who must not hear of MRR."""

from collections.abc import Collection

from models import channel
from models.channel import Absence, Channel
from models.person import Person
from scheduler.decisions import SLACK_CODES, Class, Decision

UNSEEN = "channel_not_found"
"""Slack's answer for a channel that our bot can't see, whatever the reason."""

OUTSIDERS = Decision(Class.FIX, *channel.OUTSIDERS)
POSTED_JUST_NOW = Decision(Class.RETRY, "its message is being posted")


NO_CONVERSATION = {UNSEEN, "is_archived"}
"""Slack's answers for a conversation of chosen people that is not there, or there no more."""

NOBODY = Decision(Class.FIX, "Slack doesn't let me write to them", "Choose somebody else.")
CLOSED_DM = Decision(Class.RETRY, "their conversation was closed, and is opened again")
LEFT = Decision(Class.FIX, "they left this Slack workspace", "Choose somebody else.")
GUEST = Decision(
    Class.FIX, "guests may not hear of MRR", "Choose somebody else, or make them full members of the workspace."
)


class HeldBackError(Exception):
    """A message that may not be sent as things are; `decision` says why, and what to do."""

    def __init__(self, decision: Decision) -> None:
        """Take the reason."""
        super().__init__(decision.reason)
        self.decision = decision


def unseen(known: Channel | None) -> Decision:
    """Say why a channel can't be seen, as well as we know it."""
    match known:
        case Channel(absence=Absence.REMOVED):
            return Decision(Class.FIX, *channel.REMOVED)
        case Channel(absence=Absence.DELETED):
            return Decision(Class.FIX, *channel.DELETED)
        case Channel(absence=Absence.DISCONNECTED):
            return Decision(Class.FIX, *channel.DISCONNECTED)
        case Channel(is_private=False, is_member=False):
            return Decision(Class.FIX, *channel.CLOSED)
        case _:
            return SLACK_CODES[UNSEEN]


def unfit(found: Collection[Person], *, among: int) -> Decision | None:
    """Say why so many people may not hear of MRR, of whom these left or are guests; None where they may.

    Slack takes what is sent to somebody who left, and nobody reads it. The others of a group go on reading theirs.
    """
    if any(one.is_guest and not one.is_deactivated for one in found):
        return GUEST
    return LEFT if found and len(found) == among else None


def hold_back(because: Decision | None) -> None:
    """Let nothing be sent for which there is a reason not to. Raises `HeldBackError`."""
    if because is not None:
        raise HeldBackError(because)
