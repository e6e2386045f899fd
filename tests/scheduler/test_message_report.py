"""A report in words, under its link and as a picture."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from models.movement import KindSum, Largest
from models.report import Figures
from scheduler.messages import chart, report
from scheduler.messages.movement import KINDS
from scheduler.messages.report import ReportUnfurl

AT = datetime(2026, 11, 16, 14, 2, tzinfo=UTC)
AMOUNTS = dict(zip(MovementKind, (240_000, 311_000, -61_000, -72_000, 10_000), strict=True))


def sums(amounts: dict[MovementKind, int], currency: str = "USD") -> tuple[KindSum, ...]:
    return tuple(
        KindSum(currency=currency, kind=kind, count=2, amount_minor=amount) for kind, amount in amounts.items()
    )


USD = Figures(
    currency="USD",
    mrr_minor=15_248_000,
    sums=sums(AMOUNTS),
    largest=(Largest(account_name="Initech", kind=MovementKind.CHURN, amount_minor=-72_000, occurred_at=AT),),
)
UNFURL = ReportUnfurl(
    url="https://r.io/reports/rep_1",
    preview_url="https://r.io/previews/1.png",
    workspace_name="Acme",
    figures=(USD,),
    as_of=AT,
    locale="en_US",
)


def test_the_net_is_compared_with_what_it_was_where_that_is_known() -> None:
    assert report.net(USD, "en_US") == "+$4,280 net (▲\u00a02.9\u00a0%)"
    assert report.net(replace(USD, mrr_minor=None), "en_US") == "+$4,280 net"
    assert report.net(replace(USD, mrr_minor=428_000), "en_US") == "+$4,280 net"
    lost = replace(USD, mrr_minor=90_000, sums=sums({MovementKind.CHURN: -10_000}))
    assert report.net(lost, "en_US") == "−$100 net (▼\u00a010\u00a0%)"


def test_the_unfurl_says_title_period_figures_and_for_whom_it_opens() -> None:
    section, image, context = report.draw(UNFURL)
    assert section["text"]["text"].split("\n") == [
        "*<https://r.io/reports/rep_1|MRR this month · Acme>*",
        "1 – 16 November 2026",
        "*+$4,280* net (▲\u00a02.9\u00a0%) → *$152,480*",
    ]
    assert image["image_url"] == UNFURL.preview_url
    assert context["elements"][0]["text"].endswith(" 14:02 UTC> · opens for members of Acme")
    unknown = report.draw(replace(UNFURL, figures=(replace(USD, mrr_minor=None),)))
    assert "net · MRR now unknown" in unknown[0]["text"]["text"]
    assert report.NOTHING in report.draw(replace(UNFURL, figures=()))[0]["text"]["text"]


@pytest.mark.parametrize(("day", "told"), [(1, "1 November 2026"), (30, "1 – 30 November 2026")])
def test_the_period_is_the_month_so_far(day: int, told: str) -> None:
    assert report.period(AT.replace(day=day)) == told


amounts = st.dictionaries(st.sampled_from(MovementKind), st.integers(-(10**15), 10**15))
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.sampled_from(
    ["<!channel>", "<@U0EVE|x>", "a|b>c", "&lt;", "]]>", '"/><script>', "שלום", "😀" * 300]
)


@given(words, words, amounts, st.none() | st.integers(0, 10**16))
@settings(deadline=None, max_examples=60)
def test_whatever_the_figures_are_slack_takes_the_unfurl_and_the_picture_is_whole(
    name: str, query: str, changed: dict[MovementKind, int], now: int | None
) -> None:
    figures = tuple(
        Figures(currency=currency, mrr_minor=now, sums=sums(changed, currency), largest=())
        for currency in ("USD", "EUR", "JPY", "KWD", "GBP")
    )
    unfurl = replace(UNFURL, workspace_name=name[:255], url=f"https://r.io/reports/rep_1?{query}", figures=figures)
    blocks = report.draw(unfurl)
    orjson.dumps(blocks)
    validate_blocks(blocks, surface="unfurl")
    assert not re.search(r"<[!@#](?!date)", blocks[0]["text"]["text"])
    for drawn in (report.picture(figures, as_of=AT, locale="de_DE"), chart.by_kind(figures[0].sums, "USD", "en_US")):
        bars = [one for one in ET.fromstring(drawn).iter() if one.get("class") == "bar"]
        assert len(bars) == len(KINDS)
        for bar in bars:
            start, width = float(bar.attrib["x"]), float(bar.attrib["width"])
            assert width >= 0
            assert chart.BARS_START - 0.2 <= start <= start + width <= chart.WIDTH + 0.2
