"""Slack's mrkdwn as HTML that is safe to show: links, mentions, dates, emphasis, code, quotes and emoji."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from markupsafe import Markup, escape

from bot.sandbox import emoji

ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
LINKABLE = re.compile(r"(https?://|mailto:|tel:|slack://)", re.IGNORECASE)
FENCE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
TOKEN = re.compile(r"<([^<>\n]+)>")
QUOTE = re.compile(r"(?:^(?:&gt;|>) ?.*(?:\n|$))+", re.MULTILINE)
EMPHASES = tuple(
    (re.compile(rf"(?<![\w{re.escape(mark)}]){re.escape(mark)}(\S(?:[^\n]*?\S)?){re.escape(mark)}(?![\w])"), tag)
    for mark, tag in (("*", "strong"), ("_", "em"), ("~", "s"))
)
DATE_PART = re.compile(r"\{(\w+)\}")
BROADCASTS = frozenset({"here", "channel", "everyone"})


@dataclass(frozen=True)
class Reader:
    """Who reads: the names they know things by, the clock on their wall, and where links lead them.

    `me` is the reader's own id; `group` names a user group by its handle, and says whether the reader is in it.
    """

    person: Callable[[str], str | None]
    channel: Callable[[str], str | None]
    zone: tzinfo
    now: float
    me: str = ""
    group: Callable[[str], tuple[str, bool] | None] = lambda _group_id: None
    leads: Callable[[str], str] = str


def unescaped(text: str) -> str:
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return text


def plain(text: str) -> Markup:
    """Draw a `plain_text`: nothing in it is markup, only emoji are drawn."""
    return Markup(emoji.with_pictures(str(escape(unescaped(text)))))  # noqa: S704  The text is escaped.


def html(text: str, reader: Reader) -> Markup:
    """Draw a `mrkdwn` text. Whatever isn't Slack's markup is shown as typed."""
    held = Held()
    text = text.replace(held.MARK, "")
    text = FENCE.sub(lambda found: held.keep(Markup("<pre>{}</pre>").format(unescaped(found[1]))), text)
    text = CODE.sub(lambda found: held.keep(Markup("<code>{}</code>").format(unescaped(found[1]))), text)
    text = TOKEN.sub(lambda found: held.keep(token(found[0], reader)), text)
    text = QUOTE.sub(lambda found: held.keep(_quote(found[0])), text)
    return held.put_back(_emphasised(text))


class Held:
    """What is drawn already, put aside under a character that no text may carry while the rest is drawn."""

    MARK = "\x00"

    def __init__(self) -> None:
        self._drawn: list[Markup] = []

    def keep(self, drawn: Markup) -> str:
        self._drawn.append(drawn)
        return f"{self.MARK}{len(self._drawn) - 1}{self.MARK}"

    def put_back(self, text: str) -> Markup:
        while self.MARK in text:
            text = re.sub(rf"{self.MARK}(\d+){self.MARK}", lambda found: str(self._drawn[int(found[1])]), text)
        return Markup(text)  # noqa: S704  Each part was escaped when it was drawn.


def _emphasised(text: str) -> str:
    drawn = str(escape(unescaped(text)))
    for pattern, tag in EMPHASES:
        drawn = pattern.sub(rf"<{tag}>\1</{tag}>", drawn)
    return emoji.with_pictures(drawn)


def _quote(lines: str) -> Markup:
    inside = "\n".join(re.sub(r"^(?:&gt;|>) ?", "", line) for line in lines.rstrip("\n").split("\n"))
    return Markup("<blockquote>{}</blockquote>").format(Markup(_emphasised(inside)))  # noqa: S704  It is escaped.


def token(written: str, reader: Reader) -> Markup:
    """Draw what stands between angle brackets: a mention, a date or a link."""
    target, _, words = written[1:-1].partition("|")
    if target.startswith("@"):
        name = reader.person(target[1:]) or unescaped(words) or target[1:]
        return mention(f"@{name}", mine=target[1:] == reader.me)
    if target.startswith("#"):
        return mention("#" + (reader.channel(target[1:]) or unescaped(words) or "private channel"))
    if target.startswith("!"):
        return _special(target[1:], unescaped(words), reader)
    is_link = LINKABLE.match(target)
    return link(unescaped(target), unescaped(words), reader=reader) if is_link else escape(unescaped(written))


def _special(target: str, words: str, reader: Reader) -> Markup:
    name, _, rest = target.partition("^")
    if name == "date":
        return _date_token(rest, words, reader)
    group = reader.group(rest) if name == "subteam" else None
    if group:
        return mention(f"@{group[0]}", mine=group[1])
    return mention(words or f"@{name}", mine=name in BROADCASTS)


def mention(words: str, *, mine: bool = False) -> Markup:
    """Draw a mention; one of the reader stands out."""
    return Markup('<span class="{}">{}</span>').format("mention mine" if mine else "mention", words)


def link(url: str, words: str | Markup = "", *, reader: Reader) -> Markup:
    """Draw a link to where it leads; one that a browser should not follow, such as `javascript:`, becomes its words."""
    if not LINKABLE.match(url):
        return escape(words or url)
    leads = reader.leads(url)
    if leads.startswith("/"):
        return Markup('<a href="{}">{}</a>').format(leads, words or url)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(leads, words or url)


def _date_token(target: str, fallback: str, reader: Reader) -> Markup:
    seconds, *rest = target.split("^")
    if not seconds.lstrip("-").isdigit() or not rest:
        return escape(fallback)
    return dated(int(seconds), unescaped(rest[0]), fallback, unescaped(rest[1]) if len(rest) > 1 else "", reader)


def dated(seconds: int, pattern: str, fallback: str, url: str, reader: Reader) -> Markup:
    """Draw an instant on the reader's clock, as a link where it has an address."""
    try:
        words = written_date(seconds, pattern, reader)
        stamp = datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, OSError, ValueError):
        # No calendar reaches that far.
        return escape(fallback)
    drawn = Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, fallback, words)
    return link(url, drawn, reader=reader) if url else drawn


def written_date(seconds: int, pattern: str, reader: Reader) -> str:
    """Fill the `{date_short}`-like parts of a pattern for the reader's clock; unknown parts stay as written."""
    at = datetime.fromtimestamp(seconds, reader.zone)
    today = datetime.fromtimestamp(reader.now, reader.zone).date()
    return DATE_PART.sub(lambda found: _date_part(found[1], at, today, reader.now) or found[0], pattern)


def _date_part(name: str, at: datetime, today: date, now: float) -> str | None:
    pretty = {today: "today", today - timedelta(1): "yesterday", today + timedelta(1): "tomorrow"}.get(at.date())
    if name.endswith("_pretty") and pretty:
        return pretty
    return {
        "date": f"{at:%B} {_ordinal(at.day)}, {at.year}",
        "date_num": f"{at:%Y-%m-%d}",
        "date_slash": f"{at:%Y/%m/%d}",
        "date_short": f"{at:%b} {at.day}, {at.year}",
        "date_long": f"{at:%A, %B} {_ordinal(at.day)}, {at.year}",
        "day_divider": f"{at:%A, %B} {_ordinal(at.day)}",
        "time": f"{at:%H:%M}",
        "time_secs": f"{at:%H:%M:%S}",
        "ago": ago(now - at.timestamp()),
    }.get(name.removesuffix("_pretty"))


def _ordinal(day: int) -> str:
    teens = range(11, 14)
    return f"{day}{'th' if day in teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def ago(seconds: float) -> str:
    steps = ((86_400, "day"), (3_600, "hour"), (60, "minute"))
    size, word = next(((size, word) for size, word in steps if abs(seconds) >= size), (1, "second"))
    count = int(abs(seconds) // size)
    words = f"{count} {word}{'' if count == 1 else 's'}"
    return f"{words} ago" if seconds >= 0 else f"in {words}"
