"""Users' text in every field: shown as typed, mentioning nobody, breaking nothing."""

import re
from html import unescape
from typing import Any

import pytest

from bot.sandbox.people import ACME, REVENUE
from models import destination, source
from tests.stage import Stage

MENTIONS = re.compile(r"<[!@#]")
NASTY = [
    "<!channel> & <b>bold</b>",
    "<@U0DANA> <#C0REVENUE|x> <https://evil.example|click>",
    "*bold* _it_ ~no~ `code` :tada: @here",
    "שלום <!here> עולם",
    "🚀 𝓜𝓡𝓡 👩‍👩‍👧 <!everyone>",
    "&amp; &lt;!channel&gt; > quoted",
]
HARMLESS = str.maketrans("∗ˍ∼ˋ", "*_~`", "\u2060\u2068\u2069")
"""What stands in where Slack has no escape looks the same; the marks around it cannot be seen."""


def seen(words: str) -> str:
    """Give what a reader sees, with Slack's own marks and dates taken out."""
    return unescape(words).translate(HARMLESS)


def made_by_us(drawn: dict[str, Any]) -> list[str]:
    """List every text that Slack would look for markup in."""
    texts: list[str] = []

    def walk(one: Any) -> None:
        if isinstance(one, dict):
            if one.get("type") == "mrkdwn":
                texts.append(one["text"])
            for value in one.values():
                walk(value)
        elif isinstance(one, list):
            for value in one:
                walk(value)

    walk(drawn)
    return texts


@pytest.mark.parametrize(
    ("engine_name", "text"),
    [*(("sqlite", text) for text in NASTY), *(("postgresql", text) for text in NASTY if not text.isascii())],
)
async def test_a_name_is_shown_as_typed_everywhere_and_mentions_nobody(acme: Stage, text: str) -> None:
    """A source, a destination, an account, its attribute, a plan and a description all have this text."""
    form = await (await acme.home()).click("Add source")
    assert form is not None
    added = await form.submit({"Name": text, "What sends": "Your own system"})
    assert added.modal is not None
    assert text in seen(added.modal.words)
    await added.modal.close(all_of_them=True)
    await acme.add_destination(text)
    async with acme.database.read() as session:
        [found] = await destination.of_workspace(session, ACME)
        [origin] = await source.of_workspace(session, ACME)
        webhook = f"{acme.url}/in/{acme.keyring.open(origin.key_sealed)}"
    assert (found.name, origin.name) == (text, text)

    account = {"external_id": "1", "name": text, "attributes": {text[:90]: text}}
    await acme.move(webhook, plan=text, description=text, account=account)
    [message] = [await acme.ada.message(REVENUE, containing="+$420")]
    assert seen(message.words).count(text) >= 3
    for drawn in (message["text"], *made_by_us(dict(message))):
        rest = re.sub(r"<!date\^\d+\^[^|]*\|[^>]*>|<#C0REVENUE>", "", drawn)
        assert not MENTIONS.search(rest), rest

    form = await (await acme.home()).click("Edit", near="Real-time")
    assert form is not None
    assert form.filled["Name"] == text
    form = await form.click("More options") or form
    assert (await form.submit({"Attributes to show": [text[:90]]})).closed
    await acme.move(webhook, "again", account=account)

    home = await acme.home()
    assert seen(home.words).count(text) >= 2
    for drawn in made_by_us(dict(home)):
        rest = re.sub(r"<!date\^\d+\^[^|]*\|[^>]*>|<#C0REVENUE>|<@U0ADA>", "", drawn)
        assert not MENTIONS.search(rest), rest
    question = await home.click("Delete", near="Real-time")
    assert question is not None
    assert text in seen(question.words)
    assert (await question.submit()).closed


async def test_what_is_typed_after_the_command_mentions_nobody_in_the_answer(acme: Stage) -> None:
    for text in (*NASTY, "lst", "new now", "x" * 3000, "`"):
        answered = await acme.ada.run(f"/mrr {text}", channel=REVENUE)
        assert answered.error is None
        assert "/mrr" in answered.words
        assert answered.message is not None
        for drawn in made_by_us(dict(answered.message)):
            assert not MENTIONS.search(drawn), drawn


async def test_a_near_miss_is_answered_with_what_was_probably_meant(acme: Stage) -> None:
    near = {"lst": "list", "ls": "list", "add": "new", "nwe": "new", "hlep": "help", "?": "help", "new now": "new"}
    for typed, meant in near.items():
        answered = await acme.ada.run(f"/mrr {typed}", channel=REVENUE)
        assert f"Did you mean `/mrr {meant}`?" in answered.words
