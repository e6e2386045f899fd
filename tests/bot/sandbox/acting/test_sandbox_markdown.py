"""The Markdown of `markdown` blocks as HTML."""

from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from bot.sandbox import markdown
from bot.sandbox.mrkdwn import Reader

READER = Reader(person={"U1": "Ada Okafor"}.get, channel=lambda _: None, zone=UTC, now=0)
BLANK = 'target="_blank" rel="noopener noreferrer"'


def drawn(text: str) -> str:
    return str(markdown.html(text, READER))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
        ("# Big *one*", '<p class="heading h1">Big <em>one</em></p>'),
        ("### Small ###", '<p class="heading h3">Small</p>'),
        ("**b** *i* ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <s>s</s> <code>c</code></p>"),
        ("__b__ _i_", "<p><strong>b</strong> <em>i</em></p>"),
        ("**a *b* c**", "<p><strong>a <em>b</em> c</strong></p>"),
        ("2*3*4 snake_case_name \\*no\\*", "<p>2<em>3</em>4 snake_case_name *no*</p>"),
        ("- a\n- b\n  - c", "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>"),
        ("3. c\n4. d", '<ol start="3"><li>c</li><li>d</li></ol>'),
        ("- a\n\n1. b", "<ul><li>a</li></ul><ol><li>b</li></ol>"),
        ("> quoted\n> on", "<blockquote>quoted\non</blockquote>"),
        ("---", "<hr>"),
        ("```py\n<b>*x*\n```", "<pre>&lt;b&gt;*x*</pre>"),
        ("```\nnever closed", "<pre>never closed</pre>"),
        (":tada: <@U1>", '<p>🎉 <span class="mention">@Ada Okafor</span></p>'),
        ("<b>raw</b> & co", "<p>&lt;b&gt;raw&lt;/b&gt; &amp; co</p>"),
    ],
)  # fmt: skip
def test_markdown_is_drawn(text: str, html: str) -> None:
    assert drawn(text) == html


def test_a_task_is_a_box_that_nobody_can_tick() -> None:
    assert drawn("- [x] done") == '<ul><li class="task"><input type="checkbox" disabled checked> done</li></ul>'


def test_a_table_keeps_its_alignments_and_its_bars() -> None:
    html = drawn("| a | b |\n|:-:|--:|\n| 1 \\| 2 | 3 | 4 |\n| x |")
    assert '<th class="center">a</th><th class="right">b</th>' in html
    assert '<td class="center">1 | 2</td><td class="right">3</td></tr>' in html
    assert '<td class="center">x</td></tr>' in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("[a *b*](https://x.test/?a=1&b=2)", f'<a href="https://x.test/?a=1&amp;b=2" {BLANK}>a <em>b</em></a>'),
        ("![a picture](https://x.test/p.png)", f'<a href="https://x.test/p.png" {BLANK}>a picture</a>'),
        ("see https://x.test/a_b_c.", f'see <a href="https://x.test/a_b_c" {BLANK}>https://x.test/a_b_c</a>.'),
        ("<https://x.test>", f'<a href="https://x.test" {BLANK}>https://x.test</a>'),
        ("[no](javascript:alert(1))", "no"),
        ('[x](https://x.test/"onmouseover=y)', f'<a href="https://x.test/&#34;onmouseover=y" {BLANK}>x</a>'),
    ],
)
def test_only_addresses_of_the_web_become_links(text: str, html: str) -> None:
    assert drawn(text) == f"<p>{html}</p>"


MARKS = [
    "# ",
    "- ",
    "1. ",
    "> ",
    "```",
    "`",
    "**",
    "*",
    "_",
    "~~",
    "[",
    "](",
    ")",
    "|",
    "---",
    "\n",
    "  ",
    "<",
    ">",
    "\\",
]


@given(st.lists(st.one_of(st.sampled_from([*MARKS, "<script>", "\x00", "https://x.test"]), st.text(max_size=4))))
@settings(deadline=None)
def test_no_markup_gets_through_whatever_is_written(parts: list[str]) -> None:
    html = markdown.html("".join(parts), READER)
    assert isinstance(html, Markup)
    assert "<script" not in html
    assert "\x00" not in html
