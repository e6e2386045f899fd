"""What is said when somebody shares an answer with the channel."""

from handlers.views.answers import Answer
from handlers.views.blocks import section
from scheduler.messages import mrkdwn

NOT_IN_HERE = "I'm not in this channel yet. Type @Runrate here and press “Invite Them”, then press Share here again."
NOT_IN_THERE = (
    "I can't post in that channel: it is archived, or private and I'm not in it, or you aren't. Type @Runrate there "
    "and press “Invite Them”, then ask again."
)
UNKNOWN = "I don't know a channel of that name. Type # and choose it from the list that Slack shows, then ask again."
OUTSIDERS = (
    "People of other companies read along in the channel, so no MRR is shared there. A manager can confirm the channel "
    "in a destination."
)


def shared(channel_id: str | None = None) -> Answer:
    """Say that it is on its way into a channel, or into the one where this is read."""
    where = mrkdwn.channel(channel_id) if channel_id else "this channel"
    text = f"It is on its way to {where}, with your name under it."
    return _said(text)


def shared_before() -> Answer:
    """Say that the button was pressed before, and how to share the same with newer figures."""
    return _said("You shared this with this channel already. To share it as it is now, type the command again.")


def _said(text: str) -> Answer:
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])
