"""A glance: which period it shows, in words and in a fact's id, and how it is told."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import available_timezones

import pytest

from bot.sandbox.blocks import validate_blocks
from handlers.views import glances as view
from handlers.views.glances import Place
from models import glance, recap
from models.base import Id
from models.fact import MovementKind
from models.glance import Glance, Seen
from models.recap import Figures, Sum
from models.schedule import Rhythm, Schedule
from scheduler.messages.glance import NOTHING_KNOWN, GlanceMessage, draw
from scheduler.messages.message import CHART

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
"""In New York it is still Thursday the 19th."""
TIME = "<!date^1795145400^{time}|03:30 UTC>"
USD = Figures(
    currency="USD",
    start_minor=100_000,
    sums={MovementKind.EXPANSION: Sum(amount_minor=42_000, count=1)},
    before_minor=0,
    gains=(("Northwind", 42_000),),
)
EUR = Figures(currency="EUR", start_minor=20_000)


def seen(asked: Glance, *figures: Figures, total: tuple[int, str] | None = None) -> Seen:
    told = recap.of_nobody("T1", Schedule(rhythm=asked.rhythm, zone=asked.zone), asked.period, now=NOW)
    return Seen(glance=asked, recap=told, is_over=asked.is_over(NOW), figures=figures, total=total, locale="en_US")


def lines(blocks: list[dict[str, Any]]) -> list[str]:
    told = [one for one in blocks if one["type"] in {"section", "context"}]
    texts = [text for one in told for text in (one.get("text"), *one.get("elements", ())) if text]
    return [line for text in texts for line in text["text"].split("\n")]


@pytest.mark.parametrize(
    ("typed", "first", "end"),
    [
        ("today", date(2026, 11, 19), date(2026, 11, 20)),
        ("this day", date(2026, 11, 19), date(2026, 11, 20)),
        ("day", date(2026, 11, 18), date(2026, 11, 19)),
        ("yesterday", date(2026, 11, 18), date(2026, 11, 19)),
        ("week", date(2026, 11, 9), date(2026, 11, 16)),
        ("last week", date(2026, 11, 9), date(2026, 11, 16)),
        ("this week", date(2026, 11, 16), date(2026, 11, 23)),
        ("monthly", date(2026, 10, 1), date(2026, 11, 1)),
        ("this month", date(2026, 11, 1), date(2026, 12, 1)),
        ("", None, None),
        ("this", None, None),
        ("week 47", None, None),
    ],
)
def test_a_period_is_read_on_the_calendar_where_the_person_is(typed: str, first: date | None, end: date | None) -> None:
    asked = view.read_period(typed, "America/New_York", now=NOW)
    assert (asked and asked.period.first, asked and asked.period.end) == (first, end)
    assert asked is None or asked.is_over(NOW) != (typed.startswith("th") or typed == "today")


@pytest.mark.parametrize(
    ("typed", "words", "place"),
    [
        ("week", "week", None),
        ("Week  <#C0REVENUE|revenue>", "Week", Place("C0REVENUE")),
        ("this month to <#C0DEALS|>", "this month", Place("C0DEALS")),
        ("last week in <#C0DEALS> ", "last week", Place("C0DEALS")),
        ("day #deals-private", "day", Place(None, "deals-private")),
        ("<#C0REVENUE|revenue>", "", Place("C0REVENUE")),
        ("week #a #b", "week #a", Place(None, "b")),
        ("week revenue", "week revenue", None),
        ("week &lt;#C0DEALS&gt;", "week &lt;#C0DEALS&gt;", None),
    ],
)
def test_a_channel_may_stand_at_the_end(typed: str, words: str, place: Place | None) -> None:
    read, found = view.read_place(typed)
    assert (read.strip(), found) == (words, place)


def test_a_period_and_the_time_of_asking_fit_into_a_facts_id_in_every_zone() -> None:
    for zone in available_timezones():
        asked = Glance(Rhythm.MONTHLY, date(2026, 11, 1), zone)
        written = glance.fact_id(asked, asked="1795145400.123456")
        assert len(written) <= (Id.length or 0)
        assert glance.of_fact(written) == asked


@pytest.mark.parametrize("key", ["", "x 2026-11-01 UTC", "d 2026-99-01 UTC", "d"])
def test_what_names_no_period_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        glance.read(key)


def test_today_begins_with_what_mrr_is_now_and_what_only_one_person_sees_has_no_menu() -> None:
    today = glance.present(Rhythm.DAILY, "Europe/Berlin", now=NOW)
    message = GlanceMessage(
        seen=seen(today, USD, EUR, total=(163_000, "USD")), note=view.PRIVATE, told_at=NOW, is_posted=False
    )
    drawn = draw(message)
    assert drawn["text"] == "MRR, Friday 20 November: +$420 net → $1,420"
    assert lines(drawn["blocks"])[:2] == [
        "*MRR now*  *$1,630* in all, at the newest rates: *$1,420* and *€200*",
        "*MRR, Friday 20 November*",
    ]
    assert lines(drawn["blocks"])[-1] == (
        f"Only you see this · this day isn't over: as of {TIME} · days begin at midnight in Europe/Berlin · "
        "`/mrr help` shows what else there is"
    )
    assert "accessory" not in str(drawn["blocks"])
    stated = replace(USD, is_total=True, start_minor=121_000, gains=())
    both = seen(today, stated, USD, EUR, total=(163_000, "USD"))
    assert lines(draw(replace(message, seen=both))["blocks"])[0] == lines(drawn["blocks"])[0]
    posted = draw(replace(message, is_posted=True, note="pat <!here> shared this", may_be_repeat=True))
    assert "accessory" in str(posted["blocks"])
    assert "pat &lt;!" in lines(posted["blocks"])[-1]
    assert "may be a repeat" in lines(posted["blocks"])[-1]
    assert "(may be a repeat)" in posted["text"]


def test_a_whole_week_is_a_recap_and_its_plainest_form_has_no_chart() -> None:
    week = glance.last(Rhythm.WEEKLY, "UTC", now=NOW)
    forms = view.answer(seen(week, USD), can_share=True, told_at=NOW)
    assert [any(one["type"] == CHART for one in form["blocks"]) for form in forms] == [True, False, False]
    for form in forms:
        validate_blocks(form["blocks"], surface="ephemeral")
        assert lines(form["blocks"])[0] == "*MRR, week of 9 – 15 November*"
        assert "isn't over" not in str(form["blocks"])
        assert view.read(form["blocks"][-1]["elements"][0]) == week
    [first, *_] = view.answer(seen(week, USD), can_share=False, told_at=NOW)
    assert first["blocks"][-1]["type"] == "context"


def test_what_mrr_is_where_nothing_moved_today_is_said_once() -> None:
    today = glance.present(Rhythm.DAILY, "UTC", now=NOW)
    [form] = view.answer(seen(today, EUR), can_share=False, told_at=NOW)
    assert lines(form["blocks"])[:2] == ["*MRR now*  *€200*", "*No MRR movements on Friday 20 November.*"]
    yesterday = glance.last(Rhythm.DAILY, "UTC", now=NOW)
    [form] = view.answer(seen(yesterday, EUR), can_share=False, told_at=NOW)
    assert lines(form["blocks"])[0] == "*No MRR movements on Thursday 19 November.* MRR stays at €200."


def test_where_nothing_is_known_it_says_so() -> None:
    today = glance.present(Rhythm.DAILY, "UTC", now=NOW)
    [form] = view.answer(seen(today), can_share=False, told_at=NOW)
    assert lines(form["blocks"])[:2] == [NOTHING_KNOWN, "*No MRR movements on Friday 20 November.*"]
    unknown = replace(USD, start_minor=None)
    [form, *_] = view.answer(seen(today, unknown, EUR), can_share=False, told_at=NOW)
    assert lines(form["blocks"])[0] == "*MRR now*  unknown in USD, until its history is imported and *€200*"
    in_part = replace(unknown, least_minor=120_000, unclear=2)
    [form, *_] = view.answer(seen(today, in_part), can_share=False, told_at=NOW)
    assert lines(form["blocks"])[0] == "*MRR now*  at least *$1,200* (the history of 2 accounts isn't imported)"
