"""Slack's mrkdwn as HTML that is safe to show: links, mentions, dates, emphasis, code, quotes and emoji."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from markupsafe import Markup, escape

ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
LINKABLE = re.compile(r"(https?://|mailto:|tel:)", re.IGNORECASE)
FENCE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
TOKEN = re.compile(r"<([^<>\n]+)>")
EMOJI = re.compile(r":([a-z0-9_+-]{2,40}):")
QUOTE = re.compile(r"(?:^(?:&gt;|>) ?.*(?:\n|$))+", re.MULTILINE)
EMPHASES = tuple(
    (re.compile(rf"(?<![\w{re.escape(mark)}]){re.escape(mark)}(\S(?:[^\n]*?\S)?){re.escape(mark)}(?![\w])"), tag)
    for mark, tag in (("*", "strong"), ("_", "em"), ("~", "s"))
)
DATE_PART = re.compile(r"\{(\w+)\}")
# Enough for what people type into a demo; any other name is shown as it was written.
PICTURES = {
    "wave": "👋", "tada": "🎉", "rocket": "🚀", "warning": "⚠️", "white_check_mark": "✅", "x": "❌", "bell": "🔔",
    "no_bell": "🔕", "chart_with_upwards_trend": "📈", "chart_with_downwards_trend": "📉", "bar_chart": "📊",
    "moneybag": "💰", "fire": "🔥", "eyes": "👀", "heart": "❤️", "+1": "👍", "-1": "👎", "smile": "😄", "memo": "📝",
    "lock": "🔒", "mag": "🔍", "calendar": "📆", "hourglass": "⌛", "star": "⭐", "sparkles": "✨", "bulb": "💡",
    "information_source": "ℹ️", "large_green_circle": "🟢", "red_circle": "🔴", "large_yellow_circle": "🟡",
}  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """Who reads: the names they know things by, and the clock on their wall."""

    person: Callable[[str], str | None]
    channel: Callable[[str], str | None]
    zone: tzinfo
    now: float


def unescaped(text: str) -> str:
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return text


def plain(text: str) -> Markup:
    """Draw a `plain_text`: nothing in it is markup, only emoji are drawn."""
    return Markup(EMOJI.sub(_picture, str(escape(unescaped(text)))))  # noqa: S704  The text is escaped.


def html(text: str, reader: Reader) -> Markup:
    """Draw a `mrkdwn` text. Whatever isn't Slack's markup is shown as typed."""
    held = _Held()
    text = text.replace(held.MARK, "")
    text = FENCE.sub(lambda found: held.keep(Markup("<pre>{}</pre>").format(unescaped(found[1]))), text)
    text = CODE.sub(lambda found: held.keep(Markup("<code>{}</code>").format(unescaped(found[1]))), text)
    text = TOKEN.sub(lambda found: held.keep(_token(found[0], found[1], reader)), text)
    text = QUOTE.sub(lambda found: held.keep(_quote(found[0])), text)
    return held.put_back(_emphasised(text))


class _Held:
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
    return EMOJI.sub(_picture, drawn)


def _quote(lines: str) -> Markup:
    inside = "\n".join(re.sub(r"^(?:&gt;|>) ?", "", line) for line in lines.rstrip("\n").split("\n"))
    return Markup("<blockquote>{}</blockquote>").format(Markup(_emphasised(inside)))  # noqa: S704  It is escaped.


def _picture(found: re.Match[str]) -> str:
    return PICTURES.get(found[1], found[0])


def _token(written: str, token: str, reader: Reader) -> Markup:
    target, _, words = token.partition("|")
    if target.startswith("@"):
        return mention("@" + (reader.person(target[1:]) or unescaped(words) or target[1:]))
    if target.startswith("#"):
        return mention("#" + (reader.channel(target[1:]) or unescaped(words) or "private channel"))
    if target.startswith("!date^"):
        return _date_token(target, unescaped(words), reader)
    if target.startswith("!"):
        return mention(unescaped(words) or "@" + target[1:].split("^")[0])
    return link(unescaped(target), unescaped(words)) if LINKABLE.match(target) else escape(unescaped(written))


def mention(words: str) -> Markup:
    return Markup('<span class="mention">{}</span>').format(words)


def link(url: str, words: str = "") -> Markup:
    """Draw a link; one that a browser should not follow, such as `javascript:`, becomes its words."""
    if not LINKABLE.match(url):
        return escape(words or url)
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(url, words or url)


def _date_token(target: str, fallback: str, reader: Reader) -> Markup:
    _, seconds, *rest = target.split("^")
    if not seconds.lstrip("-").isdigit() or not rest:
        return escape(fallback)
    words = written_date(int(seconds), unescaped(rest[0]), reader)
    stamp = datetime.fromtimestamp(int(seconds), UTC).isoformat()
    drawn = Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, fallback, words)
    return link(unescaped(rest[1]), words) if len(rest) > 1 else drawn


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
        "date_short": f"{at:%b} {at.day}, {at.year}",
        "date_long": f"{at:%A, %B} {_ordinal(at.day)}, {at.year}",
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
