import re
from datetime import UTC, datetime, timedelta, timezone
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.mrkdwn import Reader, html
from scheduler.messages import mrkdwn

READER = Reader(person=lambda _: "somebody", channel=lambda _: "somewhere", zone=UTC, now=0)
FAMILY = "👩‍👩‍👧‍👦"
MARKUP = [
    "<!channel>", "<!here|x>", "<@U0ADA>", "<#C0REVENUE|revenue>", "<https://evil.example|click>", "&lt;!channel&gt;",
    "&", "<b>", "*bold*", "_it_", "~no~", "`code`", "```", "> quote", ":tada:", "@here", "@channel", "snake_case",
    "__init__", "*_x_*", "שלום", "مرحبا", "😀", FAMILY, "🇩🇪", "e\u0301", "\x00", "\n", "\u202e", "\u2069", "…", " ",
]  # fmt: skip
typed = st.one_of(st.lists(st.sampled_from(MARKUP), max_size=8).map("".join), st.text(max_size=80))


def drawn_plain(escaped: str) -> str:
    """Draw mrkdwn as the local Slack does and take the words back, as the eye reads them."""
    shown = str(html(escaped, READER))
    assert "<" not in shown, shown
    words = unescape(shown)
    for character, alike in {"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"}.items():
        words = words.replace(alike, character)
    return re.sub("[\u2060\u2068\u2069]", "", words)


@given(typed)
@settings(deadline=None)
def test_whatever_is_typed_is_drawn_as_typed_without_any_markup(text: str) -> None:
    line = re.sub("[\u2060\u2068\u2069]", "", mrkdwn.one_line(text))
    alike = line.translate(str.maketrans("∗ˍ∼ˋ", "*_~`"))
    assert drawn_plain(mrkdwn.escape(text, 10_000)) == (alike or "–")


@given(typed, st.integers(1, 40))
@settings(deadline=None)
def test_a_cut_text_keeps_its_limit_and_breaks_no_entity(text: str, limit: int) -> None:
    escaped = mrkdwn.escape(text, limit + 4)
    assert len(escaped.encode("utf-16-le")) // 2 <= limit + 4
    assert not re.search(r"[<>]|&(?!(?:amp|lt|gt);)", escaped)
    assert mrkdwn.width(mrkdwn.shown(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("R&D <b>", "R&amp;D &lt;b&gt;"),
        ("&amp;", "&amp;amp;"),
        ("snake_case and 5*3", "snake_case and 5*3"),
        ("*bold* _it_ ~no~ `code`", "∗bold∗ ˍitˍ ∼no∼ ˋcodeˋ"),
        ("__init__", "ˍˍinitˍˍ"),
        ("> no quotation", "\u2060&gt; no quotation"),
        ("10:100:1", "10:\u2060100:1"),
        ("ask @here", "ask @\u2060here"),
        ("two\nlines\tand\x00 a NUL", "two lines and a NUL"),
        ("half a pair \ud83d", "half a pair"),
        ("\u202edesrever", "desrever"),
        ("شركة", "\u2068شركة\u2069"),
        ("\u200b \u200b", "–"),
        ("", "–"),
    ],
)
def test_escaping(text: str, escaped: str) -> None:
    assert mrkdwn.escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("Northwind", 9, "Northwind"),
        ("Northwind", 8, "Northwi…"),
        ("Northwind Traders", 11, "Northwind…"),
        (f"ab{FAMILY}c", 8, "ab…"),
        (f"ab{FAMILY}c", 14, f"ab{FAMILY}c"),
        ("xe\u0301e\u0301e\u0301", 5, "xe\u0301…"),
        ("🇩🇪🇫🇷", 7, "🇩🇪…"),
        ("👍🏽👍🏽", 6, "👍🏽…"),
        ("a" + "\u0301" * 100, 40, "a" + "\u0301" * 31 + "…"),
    ],
)
def test_cutting_leaves_whole_what_a_reader_takes_for_one_character(text: str, limit: int, shown: str) -> None:
    assert mrkdwn.cut(text, limit) == shown


def test_an_escaped_text_is_cut_by_what_is_sent() -> None:
    assert mrkdwn.escape("&&&&", 16) == "&amp;&amp;&amp;…"


def test_plain_text_stays_as_typed_even_where_slack_would_decode_it() -> None:
    assert mrkdwn.plain("AT&T <!channel> *x*")["text"] == "AT&T <!channel> *x*"
    assert mrkdwn.plain("AT&amp;T")["text"] == "AT&\u2060amp;T"


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://crm.example/a?b=1&c=2", "<https://crm.example/a?b=1&amp;c=2|Name>"),
        ("https://crm.example/a|b>c d", "<https://crm.example/a%7Cb%3Ec%20d|Name>"),
        ("javascript:alert(1)", "Name"),
        ("https://", "Name"),
        ("!channel", "Name"),
        (f"https://crm.example/{'a' * 1000}", "Name"),
        (None, "Name"),
    ],
)
def test_only_a_web_address_is_linked(url: str | None, linked: str) -> None:
    assert mrkdwn.link(url, "Name") == linked


def test_an_id_that_is_none_makes_no_token() -> None:
    assert mrkdwn.channel("C0REVENUE") == "<#C0REVENUE>"
    assert mrkdwn.channel("!channel>") == "!channel&gt;"
    assert mrkdwn.person("U0ADA") == "<@U0ADA>"
    assert mrkdwn.person("U0ADA> <!here") == "U0ADA&gt; &lt;!here"


def test_dates_are_read_on_the_readers_clock_with_utc_where_slack_draws_none() -> None:
    at = datetime(2026, 11, 20, 15, 2, tzinfo=timezone(timedelta(hours=1)))
    assert mrkdwn.time(at) == "<!date^1795183320^{time}|14:02 UTC>"
    assert mrkdwn.moment(at) == "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"
    assert mrkdwn.news(at, told_at=None) == mrkdwn.news(at, told_at=at + timedelta(hours=11)) == mrkdwn.time(at)
    assert mrkdwn.news(at, told_at=at + timedelta(hours=12)) == mrkdwn.moment(at)
    soon, later = at + timedelta(minutes=65), at + timedelta(hours=12)
    assert mrkdwn.span(at, soon) == f"{mrkdwn.moment(at)} – {mrkdwn.time(soon)}"
    assert mrkdwn.span(at, later) == f"{mrkdwn.moment(at)} – {mrkdwn.moment(later)}"
    assert mrkdwn.day(at) == "<!date^1795183320^{date_short}|20 Nov 2026>"


def test_lists_are_sentences() -> None:
    assert mrkdwn.listed([], most=3) == ""
    assert mrkdwn.listed(["a"], most=3) == "a"
    assert mrkdwn.listed(["a", "b", "c"], most=3) == "a, b and c"
    assert mrkdwn.listed(["a", "b", "c", "d"], most=2, last="or") == "a, b or 2 more"


def test_code_is_exact_but_for_its_own_fence() -> None:
    assert mrkdwn.code_block("curl 'x' -d '{\"a\":1}' && *y*") == "```curl 'x' -d '{\"a\":1}' &amp;&amp; *y*```"
    assert mrkdwn.code("``` <!here>") == "`ˋˋˋ &lt;!here&gt;`"
