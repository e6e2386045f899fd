"""conversations.history: the messages of a conversation, the newest first."""

import re

from bot.sandbox import scopes, shapes
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.methods.paging import metadata, page
from bot.sandbox.records import Channel, Json, Message

MOST = 999


async def _history(ask: Ask) -> Json:
    channel = ask.channel()
    scopes.require(ask.caller.scopes, scopes.for_channel(channel, "history"))
    if ask.caller.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    shown, cursor = page(ask.args, _between(ask, channel), lambda one: one.ts, most=MOST, refusal="invalid_arguments")
    whole = ask.args.flag("include_all_metadata")
    return {
        "messages": [shapes.message(ask.slack, one, metadata=whole) for one in shown],
        "has_more": bool(cursor),
        "pin_count": 0,
        **metadata(cursor),
    }


def _between(ask: Ask, channel: Channel) -> list[Message]:
    """Choose the messages in the asked span of time, without the answers inside threads."""
    oldest, latest = _micros(ask, "oldest", 0), _micros(ask, "latest", 10**18)
    widen = 1 if ask.args.flag("inclusive") else 0
    shown = [one for one in channel.messages.values() if not one.thread_ts or one.reply_broadcast]
    return [one for one in reversed(shown) if oldest - widen < _as_micros(one.ts) < latest + widen]


def _micros(ask: Ask, name: str, default: int) -> int:
    value = ask.args.text(name)
    if not value:
        return default
    if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", value):
        raise SlackError(f"invalid_ts_{name}")
    return _as_micros(value)


def _as_micros(ts: str) -> int:
    """Read a timestamp exactly: a float would blur the last digits, which tell messages apart."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int(fraction.ljust(6, "0"))


METHODS = [
    Method(
        "conversations.history",
        _history,
        tier=3,
        scopes=scopes.HISTORY,
        required=("channel",),
        errors=frozenset(
            {
                "channel_not_found",
                "not_in_channel",
                "invalid_cursor",
                "invalid_ts_oldest",
                "invalid_ts_latest",
            }
        ),
    )
]
