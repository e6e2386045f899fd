"""To whom a destination tells: in words, and in its form, where people are chosen below the channels."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from handlers.views.blocks import Block, Element, field, option
from handlers.views.filled import Filled
from models.recipient import MOST_RECIPIENTS, RecipientKind, To, together
from scheduler.messages import mrkdwn

PEOPLE, TOGETHER = "people", "together"
"""The fields of the form, by the names under which they can be refused."""
CHOSE_PEOPLE = "destination_people"
"""The name of the field that asks more once somebody is chosen."""

IN_PERSON = {RecipientKind.PERSON, RecipientKind.GROUP_DM, RecipientKind.EMAIL}
"""To whom something is written, not posted."""

_EACH, _ALL = "each", "all"
_NOTHING: Mapping[str, str] = {}


def words(recipients: Iterable[To], *, most: int, remarks: Mapping[str, str] = _NOTHING) -> str:
    """Name recipients for views and private answers, where a mention notifies nobody; empty where there are none.

    `remarks` stand behind people, by their user ids, such as `left`.
    """
    return mrkdwn.listed((word(one, remarks=remarks) for one in recipients), most=most)


def word(to: To, *, remarks: Mapping[str, str] = _NOTHING) -> str:
    """Name one recipient there: `#revenue`, `@dana`, `the group DM of @dana and @mei`."""
    people = [mrkdwn.person(one) + (f" ({remarks[one]})" if one in remarks else "") for one in to.user_ids]
    match to.kind:
        case RecipientKind.PERSON:
            return people[0]
        case RecipientKind.GROUP_DM:
            return f"the group DM of {mrkdwn.listed(people, most=len(people))}"
        case RecipientKind.EMAIL:
            return mrkdwn.escape(to.target)
        case _:
            return mrkdwn.channel(to.target)


def there(to: To) -> str:
    """Say what is done there, as it follows “I can't”: `post to #revenue`, `write to @dana`."""
    return f"{'write' if to.kind in IN_PERSON else 'post'} to {word(to)}"


class Unfit(StrEnum):
    """Why somebody can't be chosen."""

    APP = "app"
    LEFT = "left"
    ELSEWHERE = "elsewhere"
    GUEST = "guest"


_UNFIT = {
    Unfit.APP: ("is an app", "are apps", "Choose people."),
    Unfit.LEFT: ("has left this workspace", "have left this workspace", "Choose somebody else."),
    Unfit.ELSEWHERE: ("isn't in this workspace", "aren't in this workspace", "MRR is told to its own people."),
    Unfit.GUEST: ("is a guest here", "are guests here", "MRR is told to full members only."),
}


def unfit_people(because: Unfit, names: Sequence[str]) -> str:
    """Refuse people, under the field in which they were chosen."""
    one, several, advice = _UNFIT[because]
    who = mrkdwn.listed((mrkdwn.shown(name, 80) for name in names), most=5)
    return f"{who} {one if len(names) == 1 else several}. {advice}"


def unseen_people() -> str:
    """Refuse people whom Slack doesn't let us see."""
    return "Slack doesn't let me see one of these people. Choose full members of this workspace."


# --- in the form ---------------------------------------------------------------------------------------------------


def people_fields(user_ids: Sequence[str], *, is_together: bool, prefix: str) -> list[Block]:
    """Ask for people, and whether several of them hear together. `prefix` begins the blocks' ids.

    Whoever chose that they do sees it while they choose others.
    """
    element: Element = {
        "type": "multi_users_select",
        "action_id": CHOSE_PEOPLE,
        "placeholder": {"type": "plain_text", "text": "Choose people"},
        "max_selected_items": MOST_RECIPIENTS,
    }
    if user_ids:
        element["initial_users"] = list(user_ids[:MOST_RECIPIENTS])
    hint = "They hear by direct message."
    asked = field("People", element, block_id=f"{prefix}{PEOPLE}", hint=hint, optional=True, dispatch=True)
    is_asked = len(user_ids) > 1 or is_together
    return [asked, _how(is_together=is_together, prefix=prefix)] if is_asked else [asked]


def _how(*, is_together: bool, prefix: str) -> Block:
    choices = {_EACH: option("Each of them alone", _EACH), _ALL: option("All of them in one group DM", _ALL)}
    element: Element = {
        "type": "radio_buttons",
        "action_id": "together",
        "options": list(choices.values()),
        "initial_option": choices[_ALL if is_together else _EACH],
    }
    return field("Tell them", element, block_id=f"{prefix}{TOGETHER}")


def read_people(answers: Filled, *, prefix: str) -> tuple[str, ...]:
    """Read who was chosen."""
    return tuple(dict.fromkeys(answers.users(f"{prefix}{PEOPLE}")))


def read_together(answers: Filled, *, prefix: str) -> bool:
    """Read whether they hear together."""
    return answers.option(f"{prefix}{TOGETHER}") == _ALL


def each_of(recipients: Sequence[To]) -> str:
    """Say that each of several hears as much, for the forecast."""
    if len(recipients) <= 1:
        return ""
    kinds = {one.kind for one in recipients}
    if kinds == {RecipientKind.CHANNEL}:
        return " in each channel"
    return " to each person" if kinds == {RecipientKind.PERSON} else " to each of them"


def chosen(channel_ids: Iterable[str], user_ids: Sequence[str], *, is_together: bool) -> tuple[To, ...]:
    """Give the recipients that were chosen."""
    if is_together and user_ids:
        people = [together(user_ids)]
    else:
        people = [To(RecipientKind.PERSON, user_id) for user_id in user_ids]
    return (*(To(RecipientKind.CHANNEL, channel_id) for channel_id in channel_ids), *people)


def unchosen(recipients: Iterable[To]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Give the channels and people that the form begins with, and whether these hear together."""
    kept = list(recipients)
    channels = tuple(one.target for one in kept if one.kind is RecipientKind.CHANNEL)
    people = tuple(user_id for one in kept for user_id in one.user_ids)
    return channels, people, any(one.kind is RecipientKind.GROUP_DM for one in kept)
