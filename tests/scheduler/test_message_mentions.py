"""Test 38: anything at all in every field that somebody outside fills, of every message; it is shown, and does nothing.

Each function that draws a message is asked, with fields made up by their types; so that a new one is asked too, or
fails this file until it is, or stands among those that a file of their own asks.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from models.movement import Movement
from scheduler import messages
from scheduler.messages import api_key, mrkdwn, signal
from scheduler.messages.message import Message

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
MARKUP = [
    "<!channel>", "<!here|here>", "<!everyone>", "<@U0EVE>", "<#C0BOARD|board>", "<!subteam^S1>", "<!date^0^x|y>",
    "<https://evil.example|free>", "<mailto:a@b.c|x>", "https://evil.example", "&", "&amp;", "&lt;!here&gt;", "<b>",
    "*b*", "_i_", "~s~", "`c`", "```", "> q", "@channel", "@here", ":tada:", "שלום", "مرحبا", "\u200f", "\u202e",
    "\u2069", "😀", "👩‍👩‍👧‍👦", "🇩🇪", "e\u0301", "\x00", "\ud83d", "\n", "|", ">", "<", "\u200b",
]  # fmt: skip
typed = st.one_of(
    st.lists(st.sampled_from(MARKUP), max_size=6).map("".join),
    st.text(max_size=60),
    st.builds(lambda part, times: part * times, st.sampled_from(MARKUP), st.integers(1, 400)),
)

OURS: dict[str, st.SearchStrategy[Any]] = {
    "channel_id": st.just("C0REVENUE"),
    "destination_id": st.just("dst_1"),
    "source_id": st.just("src_1"),
    "locale": st.sampled_from(["en_US", "de_DE", "ja_JP", "ar_EG"]),
    "account_status": st.sampled_from(["lead", "customer", "churned", "other"]),
    "source_kind": st.sampled_from(sorted(api_key.WORDS)),
    "user_id": st.just("U0DANA"),
}
"""Fields that nobody outside fills, by their names: ids, and words of ours."""

ELSEWHERE = {
    "account": "test_message_account",
    "draft": "test_message_draft",
    "glance": "test_message_recap",
    "history": "test_message_recap",
    "merged": "test_message_merged",
    "recap": "test_message_recap",
    "report": "test_message_report",
    "template": "test_message_template",
    "track": "test_message_template",
    "welcome": "which draws nothing of anybody's",
}
"""Modules whose messages are made of more than fields, by the file that asks them the same."""

TOKEN = re.compile(
    r"!date\^\d+\^[^<>|]+\|(20 Nov 2026( at 14:02 UTC)?|14:02 UTC)|#C0REVENUE|@U0DANA|(?i:https?)://[^<>|\s]+\|[^<>]*"
)


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    str: typed,
    bool: st.booleans(),
    int: st.integers(-(10**15), 10**15),
    float: st.floats(),
    datetime: st.just(AT),
    NoneType: st.none(),
    Movement: st.builds(
        Movement,
        kind=st.sampled_from(MovementKind),
        amount_minor=st.integers(-(10**15), 10**15),
        currency=typed,
        mrr_before_minor=st.none() | st.integers(0, 10**15),
        mrr_after_minor=st.none() | st.integers(0, 10**15),
        plan=st.none() | typed,
        plan_before=st.none() | typed,
        description=st.none() | typed,
        url=st.none() | typed,
        occurred_at=st.just(AT),
    ),
}


def made_up(kind: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Make a value of a field up by its type."""
    inner = get_args(kind)
    if get_origin(kind) in {Union, UnionType}:
        return st.one_of(*(made_up(one, name) for one in inner))
    if name in OURS and kind is not NoneType:
        return OURS[name]
    if get_origin(kind) is tuple:
        several = st.lists(made_up(inner[0]), max_size=3).map(tuple)
        return several if inner[1:] == (...,) else st.tuples(*map(made_up, inner))
    if inspect.isclass(kind) and issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    return st.builds(kind, **_fields_of(kind)) if is_dataclass(kind) else SIMPLE[kind]


def _fields_of(kind: Any) -> dict[str, st.SearchStrategy[Any]]:
    hints = get_type_hints(kind)
    return {one.name: made_up(hints[one.name], one.name) for one in fields(kind)}


def drawings() -> Iterator[tuple[str, Callable[[Any], Message], Any]]:
    """Find every function that draws a message of a value, and the type of that."""
    for module in pkgutil.iter_modules(messages.__path__):
        if module.name in ELSEWHERE:
            continue
        found = importlib.import_module(f"scheduler.messages.{module.name}")
        for name, function in inspect.getmembers(found, inspect.isfunction):
            hints = get_type_hints(function)
            if name.startswith("draw") and function.__module__ == found.__name__ and hints.get("return") is Message:
                [kind, *_] = hints.values()
                yield f"{module.name}.{name}", function, kind


def tokens(text: str) -> Iterator[str]:
    """Find what Slack would read as a token, however odd: whatever follows an opening angle bracket."""
    for rest in text.split("<")[1:]:
        yield rest.split(">")[0]


def texts(part: Any) -> Iterator[str]:
    """Find every mrkdwn text, each of which lets Slack link and mention nothing by itself."""
    if isinstance(part, dict) and part.get("type") == "mrkdwn":
        assert part["verbatim"] is True
        yield part["text"]
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from texts(value)


def check(drawn: Message, *, mentioned: bool = False) -> None:
    """Check that a message can be sent, that nothing of it is a token but ours, and that it mentions nobody unasked."""
    orjson.dumps(drawn)
    validate_blocks(drawn["blocks"], surface="message")
    for text in (drawn["text"], *texts(drawn["blocks"])):
        assert len(text.encode("utf-16-le")) // 2 <= 3000
        for token in tokens(text):
            assert TOKEN.fullmatch(token), text
            assert mentioned or not token.startswith("@"), text
        assert not re.search(r"@(channel|here|everyone)", re.sub(r"<[^|>]*\|", "", text)), text
        assert not re.search("[\x00\u202e]", text)


FOUND = {name: (draw, kind) for name, draw, kind in drawings()}


@pytest.mark.parametrize("name", FOUND)
def test_nothing_that_anybody_typed_mentions_links_or_breaks_anything(name: str) -> None:
    draw, kind = FOUND[name]

    @given(made_up(kind))
    @settings(deadline=None, max_examples=40)
    def asked(value: Any) -> None:
        check(draw(value), mentioned=name == "movement.draw")

    asked()


def test_every_message_there_is_is_asked() -> None:
    wanted = {"claim.draw", "correction.draw", "movement.draw", "signal.draw", "signal.draw_unheard", "trial.draw"}
    assert wanted | {"notice.draw_failure", "silence.draw_silence", "api_key.draw_refused"} <= FOUND.keys()


def test_text_that_is_not_escaped_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broken variant: the door through which text from outside comes, left open."""
    monkeypatch.setattr(mrkdwn, "escape", lambda text, *_limit, **_words: text)
    told = signal.UnheardMessage(account_name="<!channel>", why="")
    with pytest.raises(AssertionError):
        check(signal.draw_unheard(told))
