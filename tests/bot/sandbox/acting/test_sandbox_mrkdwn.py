"""Slack's mrkdwn as HTML."""

from zoneinfo import ZoneInfo

import pytest

from bot.sandbox import mrkdwn
from bot.sandbox.mrkdwn import Reader

NOON = 1_795_176_000  # Friday 20 November 2026, 12:00 in London
READER = Reader(
    person={"U1": "Ada Okafor"}.get, channel={"C1": "revenue"}.get, zone=ZoneInfo("Europe/London"), now=NOON
)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("*bold* _it_ ~no~", "<strong>bold</strong> <em>it</em> <s>no</s>"),
        ("*a _b_ c*", "<strong>a <em>b</em> c</strong>"),
        ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
        ("`*x*` and ```<b>\n```", "<code>*x*</code> and <pre>&lt;b&gt;</pre>"),
        ("<@U1> <!here>", '<span class="mention">@Ada Okafor</span> <span class="mention mine">@here</span>'),
        ("<#C1> <#C9|>", '<span class="mention">#revenue</span> <span class="mention">#private channel</span>'),
        ("R&amp;D &lt;b&gt;", "R&amp;D &lt;b&gt;"),
        ("<b>raw</b> & co", "&lt;b&gt;raw&lt;/b&gt; &amp; co"),
        ("&gt; quoted\nnot", "<blockquote>quoted</blockquote>not"),
        (":tada: :no_such_thing:", "🎉 :no_such_thing:"),
        ("\x000\x00 `x`", "0 <code>x</code>"),
    ],
)
def test_markup_is_drawn_and_the_rest_is_shown_as_typed(text: str, drawn: str) -> None:
    assert str(mrkdwn.html(text, READER)) == drawn


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("<https://example.com/?a=1&amp;b=2|*here*>", 'href="https://example.com/?a=1&amp;b=2"'),
        ("<mailto:ada@acme.com|Ada>", 'href="mailto:ada@acme.com"'),
        ("<javascript:alert(1)|here>", "&lt;javascript:alert(1)|here&gt;"),
        ('<https://example.com/"onmouseover=x>', "&#34;onmouseover=x"),
    ],
)
def test_only_addresses_of_the_web_become_links(text: str, drawn: str) -> None:
    html = str(mrkdwn.html(text, READER))
    assert drawn in html
    assert ("<a " in html) is not text.startswith("<javascript")


@pytest.mark.parametrize(
    ("pattern", "shift", "words"),
    [
        ("{date_num} {time}", 0, "2026-11-20 12:00"),
        ("{date}", 0, "November 20th, 2026"),
        ("{date_short}", 0, "Nov 20, 2026"),
        ("{date_long}", 0, "Friday, November 20th, 2026"),
        ("{date_pretty}", -86_400, "yesterday"),
        ("{date_long_pretty}", 86_400, "tomorrow"),
        ("{date_short_pretty} at {time_secs}", 0, "today at 12:00:00"),
        ("{ago}", -7_200, "2 hours ago"),
        ("{ago}", 60, "in 1 minute"),
        ("{date}", -9 * 86_400, "November 11th, 2026"),
        ("{unknown}", 0, "{unknown}"),
    ],
)
def test_dates_are_written_for_the_readers_clock(pattern: str, shift: int, words: str) -> None:
    assert mrkdwn.written_date(NOON + shift, pattern, READER) == words
    drawn = str(mrkdwn.html(f"<!date^{NOON + shift}^{pattern}|fallback>", READER))
    assert f">{words}</time>" in drawn


def test_a_date_that_is_none_shows_its_fallback() -> None:
    assert str(mrkdwn.html("<!date^soon^{date}|whenever>", READER)) == "whenever"


def test_a_plain_text_has_no_markup() -> None:
    assert str(mrkdwn.plain("*x* <https://example.com> &amp; :tada:")) == "*x* &lt;https://example.com&gt; &amp; 🎉"
