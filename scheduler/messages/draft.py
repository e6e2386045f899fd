"""What a destination would tell, sent to whoever is writing it, around the message just as it would be posted.

Nothing in it can be pressed but the question why: what it would act on isn't there.
"""

from typing import Any

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message


def draw(drawn: Message, *, name: str, left_out: bool = False) -> Message:
    """Say before a message that it is a preview, and whose."""
    said = f"*Preview of {mrkdwn.quoted(name)}*, seen by you alone. This is what it would post:"
    if left_out:
        said = f"*Preview of {mrkdwn.quoted(name)}*, seen by you alone. Nothing moved, so that it would post nothing:"
    framed: Message = {
        **drawn,
        "text": f"Preview: {drawn['text']}",
        "blocks": [_context(said), *(_quiet(block) for block in drawn["blocks"] if block["type"] != "actions")],
    }
    if "plainer" in drawn:
        framed["plainer"] = draw(drawn["plainer"], name=name, left_out=left_out)
    return framed


def _quiet(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "accessory": menu()} if "accessory" in block else block


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [mrkdwn.marked(text)]}
