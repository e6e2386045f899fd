"""The trend of MRR in words and as a picture: what is known, what isn't, and what today brought."""

from dataclasses import replace
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from models.trend import Today, Trend
from scheduler.messages import trend as drawing

USD = Trend(
    currency="USD",
    first=date(2026, 10, 23),
    points=(4_000_000, 3_900_000, 4_500_000),
    today=Today(gained_minor=52_000, gains=3, lost_minor=-10_000, losses=1),
)
EUR = Trend(currency="EUR", first=USD.first, points=(0, 0, 20_000))
UNKNOWN = "*MRR now*  unknown in EUR, until its history is imported"
TODAY = "Today  *+$420* net · +$520 gained (3 movements) · −$100 lost (1 movement)"


@pytest.mark.parametrize(
    ("trends", "words"),
    [
        ([USD], f"*MRR now*  *$45,000*\n{TODAY}"),
        ([USD, EUR], f"*MRR now*  *$45,000* and *€200*\n{TODAY}"),
        (
            [replace(USD, is_total=True, points=(1, 4_522_000)), USD, EUR],
            f"*MRR now*  *$45,220* in all, at the newest rates: *$45,000* and *€200*\n{TODAY}",
        ),
        ([replace(EUR, points=(5, 0))], "*MRR now*  *€0*\nNothing moved today."),
        ([USD, replace(EUR, points=(5, 0))], f"*MRR now*  *$45,000*\n{TODAY}"),
        (
            [replace(EUR, points=None, today=Today(lost_minor=-100, losses=2))],
            f"{UNKNOWN}\nToday  *−€1* net · nothing gained · −€1 lost (2 movements)",
        ),
        (
            [replace(EUR, points=None, least_minor=500_000, unclear=1)],
            "*MRR now*  at least *€5,000* (the history of 1 account isn't imported)\nNothing moved today.",
        ),
    ],
)
def test_what_mrr_is_and_did_today_in_words(trends: list[Trend], words: str) -> None:
    assert drawing.words(trends, "en_US") == words


def test_the_picture_shows_the_first_that_is_known() -> None:
    unknown, nothing = replace(USD, points=None), replace(USD, points=(0, 0))
    assert drawing.shown([unknown, nothing, EUR]) is EUR
    assert drawing.shown([unknown, nothing]) is None


def test_the_picture_says_in_words_what_it_shows() -> None:
    told = "MRR in USD, last 30 days: from $40,000 on 23 October to $45,000 now; lowest $39,000, highest $45,000."
    assert drawing.described(USD, "en_US") == told
    assert drawing.described(replace(USD, is_total=True), "en_US").startswith(
        "MRR of all currencies in USD, last 30 days"
    )
    root = ET.fromstring(drawing.picture(USD, "en_US"))
    assert root.attrib["aria-label"] == told
    assert [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")] == [
        "$40,000 on 23 October",
        "$45,000 now",
    ]


@pytest.mark.parametrize("points", [(5, 5, 5), (7,), (-100, 10**15)])
def test_a_line_stays_within_the_picture(points: tuple[int, ...]) -> None:
    drawn = drawing.picture(replace(USD, points=points), "en_US")
    line = next(one for one in ET.fromstring(drawn) if one.tag.endswith("polyline")).attrib["points"]
    places = [tuple(map(float, one.split(","))) for one in line.split()]
    assert len(places) == len(points)
    assert all(drawing.LEFT <= x <= drawing.RIGHT and drawing.TOP <= y <= drawing.BOTTOM for x, y in places)
