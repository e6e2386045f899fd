"""What `/mrr` and the buttons answer to one person: lists, help, refusals, and a sentence for when something failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypedDict

from handlers.views import destinations, managers
from handlers.views.blocks import Block, View, button, context, modal, section
from handlers.views.destinations import DestinationRow
from handlers.views.listing import Listing
from handlers.views.typed import plain
from models.recipient import To
from scheduler.messages import mrkdwn

MOST_LISTED = 20
LONGEST_REST = 200
"""As many characters of what followed a misspelt word are kept."""

COMMANDS = {
    "": "show how MRR stands today",
    "recap": "show the last whole day, week or month, or share it in a channel; `/mrr recap this week` shows this one",
    "account": "show an account: its MRR, history, attributes and people",
    "why": "show who hears of an account, who doesn't, and why",
    "mute": "get no direct messages about an account; add `day` or `week` for that long only",
    "unmute": "get them again; without a name, see what you muted",
    "new": "make a destination",
    "list": "show the destinations and where they post",
    "edit": "change a destination",
    "pause": "silence a destination for a while",
    "resume": "let it post again",
    "test": "send a test message to a destination's channels and people",
    "deliveries": "show what was delivered today, what waits and what failed",
    "help": "show this",
}

FOLLOWED = {
    "recap": "day|week|month [#channel]",
    **dict.fromkeys(("account", "why", "mute", "unmute", "edit", "pause", "resume", "test"), "NAME"),
}
"""What some of them are followed by: a period, or the name of an account or a destination."""

SYNONYMS = {
    "add": "new",
    "create": "new",
    "ls": "list",
    "show": "list",
    "destinations": "list",
    "digest": "recap",
    "summary": "recap",
    "day": "recap day",
    "week": "recap week",
    "month": "recap month",
    "reason": "why",
    "ignore": "mute",
    "quiet": "mute",
    "mutes": "unmute",
    "unsubscribe": "mute",
    "accounts": "account",
    "customer": "account",
    "find": "account",
    "change": "edit",
    "stop": "pause",
    "try": "test",
    "silence": "pause",
    "snooze": "pause",
    "unpause": "resume",
    "continue": "resume",
    "status": "deliveries",
    "health": "deliveries",
    "failures": "deliveries",
    "?": "help",
}
"""Words that people try where one of ours is meant."""

FAILED = "That didn't work, and nothing was changed. Try again; if it keeps failing, tell whoever runs Runrate here."
"""The sentence for a failure that we can't explain to the person."""

UNKNOWN_BUTTON = "That button does nothing any more. Open Runrate's Home tab to see how things stand now."


@dataclass(frozen=True)
class Actions:
    """The name of what can be pressed."""

    meant: str = "command_meant"


ACTIONS = Actions()


class Answer(TypedDict):
    """What a command's acknowledgement, or a response URL, takes."""

    response_type: Literal["ephemeral"]
    text: str
    blocks: list[Block]


def sentence(text: str) -> Answer:
    """Answer with our own words, such as those of a refusal."""
    escaped = mrkdwn.escape(text, 2000)
    return _answer(escaped, section(escaped))


def tested(name: str, recipients: Sequence[To]) -> Answer:
    """Answer that a test is on its way."""
    text = destinations.tested(name, recipients)
    return _answer(text, section(text))


def tested_view(name: str, recipients: Sequence[To]) -> View:
    """Say in a modal that a test is on its way."""
    return modal("Test", [section(destinations.tested(name, recipients))], callback_id="sentence", close="Close")


def sentence_view(title: str, text: str) -> View:
    """Draw our own words as a modal, for where no message can be answered with."""
    return modal(title, [section(mrkdwn.escape(text, 2000))], callback_id="sentence", close="Close")


def usage() -> Answer:
    """Answer what one can ask for."""
    typed = {command: " ".join(filter(None, ("/mrr", command, FOLLOWED.get(command)))) for command in COMMANDS}
    lines = [f"`{typed[command]}` — {what}" for command, what in COMMANDS.items()]
    where = (
        "Sources, managers and the state of each destination are in Runrate's Home tab; so are a recap of your own by "
        "direct message, and your quiet hours."
    )
    text = f"What /mrr can do: {', '.join(filter(None, COMMANDS))}"
    return _answer(text, section("\n".join(["*What* `/mrr` *can do*", *lines])), context(where))


def mentioned() -> Answer:
    """Answer to a mention what can be done here."""
    text = "I can post MRR movements here. A manager sets that up with /mrr new; /mrr list shows what is posted where."
    return _answer(text, section(text.replace("/mrr new", "`/mrr new`").replace("/mrr list", "`/mrr list`")))


def destination_list(listing: Listing[DestinationRow], *, may_change: bool) -> Answer:
    """Answer which destinations there are; where there is none, a manager gets the button that makes one."""
    if not listing.total:
        return _no_destination(may_change=may_change)
    rows = listing.rows
    more = listing.total - len(rows)
    title = "1 destination" if listing.total == 1 else f"{listing.total} destinations"
    blocks = [section(f"*{title}*"), *(destinations.listed(row, may_change=may_change) for row in rows)]
    if more > 0:
        blocks.append(context(f"{more} more are in Runrate's Home tab."))
    names = mrkdwn.listed((mrkdwn.escape(row.name, 160) for row in rows), most=5)
    return _answer(f"{title}: {names}", *blocks)


def _no_destination(*, may_change: bool) -> Answer:
    if not may_change:
        text = "No destination yet. A Slack admin can make one."
        return _answer(text, section(text))
    text = "No destination yet. Make one, and every movement is told in the channels that you choose."
    return _answer(text, section(text, accessory=destinations.new_button(primary=True)))


def unknown_command(typed: str) -> Answer:
    """Answer to a word that is no command, with what was probably meant, and a button that does it.

    `typed` is what Slack made of it.
    """
    refused = f"{mrkdwn.code(f'/mrr {plain(typed)}')} is no command."
    meant = _meant(typed)
    if meant is None:
        text = f"{refused} See what there is: `/mrr help`"
        return _answer(text, section(text))
    text = f"{refused} Did you mean {mrkdwn.code(f'/mrr {plain(meant)}')}?"
    return _answer(text, section(text, accessory=button("Yes, do it", ACTIONS.meant, value=meant)))


def _meant(typed: str) -> str | None:
    """Guess the command that was meant, with whatever followed a word that was only misspelt."""
    first, _, rest = mrkdwn.one_line(typed).partition(" ")
    word = first.casefold()
    if word in SYNONYMS:
        return SYNONYMS[word]
    if word and word in COMMANDS:  # What followed it was no part of it.
        return word
    near = get_close_matches(word, filter(None, COMMANDS), n=1, cutoff=0.5)
    return f"{near[0]} {rest[:LONGEST_REST]}".strip() if near else None


def read_meant(action: Mapping[str, Any]) -> str:
    """Read what was meant."""
    return str(action.get("value"))


def not_a_manager(manager_ids: Sequence[str]) -> Answer:
    """Refuse a change, and say whom to ask for it."""
    text = _refusal(manager_ids)
    return _answer(text, section(text))


def not_a_manager_view(manager_ids: Sequence[str]) -> View:
    """Refuse a change in a modal, and say whom to ask for it."""
    return modal("Only managers", [section(_refusal(manager_ids))], callback_id="sentence", close="Close")


def not_a_member(manager_ids: Sequence[str]) -> Answer:
    """Refuse a guest, and say whom to ask."""
    text = for_guests(manager_ids)
    return _answer(text, section(text))


def not_a_member_view(manager_ids: Sequence[str]) -> View:
    """Refuse a guest in a modal, in the same words."""
    return modal("Only members", [section(for_guests(manager_ids))], callback_id="sentence", close="Close")


def for_guests(manager_ids: Sequence[str]) -> str:
    """Say to a guest that they can't, and whom to ask."""
    who = managers.whom_to_ask(manager_ids)
    return f"What Runrate tells is for members of this workspace, not for guests. Ask {who}."


def _refusal(manager_ids: Sequence[str]) -> str:
    return f"Only managers can change this. Ask {managers.whom_to_ask(manager_ids)}."


def failed_view_errors(view: Mapping[str, Any], text: str = FAILED) -> dict[str, str] | None:
    """Put the sentence for a failure under a form's first field, so that nothing typed is lost; None without one."""
    fields = [str(block["block_id"]) for block in view.get("blocks") or () if block.get("type") == "input"]
    return {fields[0]: text} if fields else None


def _answer(text: str, *blocks: Block) -> Answer:
    return Answer(response_type="ephemeral", text=text, blocks=list(blocks))
