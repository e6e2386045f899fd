"""What is said when somebody shares an answer with the channel."""

from handlers.views.answers import Answer
from handlers.views.blocks import section

NOT_IN_HERE = "I'm not in this channel yet. Type @Runrate here and press “Invite Them”, then press Share here again."
OUTSIDERS = (
    "People of other companies read along in this channel, so no MRR is shared here. A manager can confirm the channel "
    "in a destination."
)


def shared() -> Answer:
    """Say that it is on its way into the channel."""
    text = "It is on its way to this channel, with your name under it."
    return Answer(response_type="ephemeral", text=text, blocks=[section(text)])
