"""What managers read once when somebody leaves who answered for destinations."""

from dataclasses import dataclass
from enum import StrEnum

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message

MOST_NAMED = 5


@dataclass(frozen=True)
class KeeperActions:
    """The names of the buttons. The value of each is the user id of whoever left."""

    take_over: str = "keeper_take_over"
    choose: str = "keeper_choose"


ACTIONS = KeeperActions()


class Gone(StrEnum):
    """How somebody came to answer for nothing any more."""

    LEFT = "has left"
    DEMOTED = "is no manager of Runrate any more"


@dataclass(frozen=True, kw_only=True)
class KeeperNotice:
    """Somebody who is gone, and the names of the destinations for which they answered."""

    user_id: str
    name: str
    how: Gone
    destinations: tuple[str, ...]


def draw(notice: KeeperNotice) -> Message:
    """Draw that they are gone, and that what they made is not."""
    fact = f"{mrkdwn.escape(notice.name, 160)} {notice.how}."
    text = mrkdwn.marked(f"{mrkdwn.bold(fact)}\n{_rest(notice)}")
    buttons = [
        _button("Take over", ACTIONS.take_over, notice) | {"style": "primary"},
        _button("Choose somebody else", ACTIONS.choose, notice),
    ]
    body = {"type": "section", "text": text, "accessory": menu()}
    return message(f"{fact} {_rest(notice)}", body, {"type": "actions", "elements": buttons})


def _rest(notice: KeeperNotice) -> str:
    named = mrkdwn.listed(map(mrkdwn.quoted, notice.destinations), most=MOST_NAMED)
    is_one = len(notice.destinations) == 1
    goes_on, it = ("goes", "it") if is_one else ("go", "them")
    return (
        f"{named} {goes_on} on as before, but nobody answers for {it} now: until somebody does, managers hear when "
        "something can't be delivered."
    )


def _button(words: str, action_id: str, notice: KeeperNotice) -> dict[str, object]:
    return {"type": "button", "text": mrkdwn.plain(words, 75), "action_id": action_id, "value": notice.user_id}
