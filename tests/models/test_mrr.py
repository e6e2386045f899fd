"""The engine: what subscriptions over time make of an account, compared with what one finds by looking at every day."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import mrr
from models.currency import minor
from models.fact import AccountStatus, MovementKind
from models.mrr import Segment, Timeline

START = datetime(2025, 1, 1, tzinfo=UTC)
NEW, UP, DOWN, CHURN, BACK = MovementKind
DAYS = 40


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def segment(start: float, end: float | None, amount: int, of: str = "a", **fields: Any) -> Segment:
    told = {"source_id": "src", "external_id": of, "account_id": "acc", "currency": "USD", "as_of": START}
    ends_at = None if end is None else day(end)
    return Segment(**{**told, "starts_at": day(start), "ends_at": ends_at, "mrr_minor": amount, **fields})


def follow(*segments: Segment, until: float = 10_000, window: timedelta = mrr.WINDOW) -> Timeline:
    return mrr.timeline(mrr.spans(segments), until=day(until), window=window)


def told(timeline: Timeline) -> list[tuple[float, MovementKind, int]]:
    return [((one.at - START) / timedelta(days=1), one.kind, one.amount_minor) for one in timeline.changes]


HISTORIES = {
    "new business, then churn": ([(0, 5, 100, "a")], [(0, NEW, 100), (5, CHURN, -100)]),
    "a second subscription expands": ([(0, None, 100, "a"), (3, None, 50, "b")], [(0, NEW, 100), (3, UP, 50)]),
    "one of several ends": (
        [(0, 9, 100, "a"), (0, 3, 50, "b")],
        [(0, NEW, 150), (3, DOWN, -50), (9, CHURN, -100)],
    ),
    "an end and a start at one instant are a change": (
        [(0, 5, 100, "a"), (5, None, 130, "b")],
        [(0, NEW, 100), (5, UP, 30)],
    ),
    "an equal change is none": ([(0, 5, 100, "a"), (5, None, 100, "b")], [(0, NEW, 100)]),
    "back after a day": (
        [(0, 5, 100, "a"), (6, None, 80, "a")],
        [(0, NEW, 100), (5, CHURN, -100), (6, BACK, 80)],
    ),
    "a free time before is no business yet": ([(0, None, 0, "a"), (4, None, 90, "a")], [(4, NEW, 90)]),
    "free again is no churn until that ends": (
        [(0, 3, 90, "a"), (2, 6, 0, "b"), (8, None, 50, "c")],
        [(0, NEW, 90), (3, DOWN, -90), (8, BACK, 50)],
    ),
    "paying again after a free time expands": (
        [(0, 3, 90, "a"), (2, None, 0, "b"), (5, None, 50, "c")],
        [(0, NEW, 90), (3, DOWN, -90), (5, UP, 50)],
    ),
    "the next segment changes a subscription": (
        [(0, None, 100, "a"), (2, None, 70, "a"), (4, 4, 0, "a")],
        [(0, NEW, 100), (2, DOWN, -30), (4, CHURN, -70)],
    ),
    "three hours apart are three changes": (
        [(0, None, 100, "a"), (0.125, None, 5, "b"), (1, 1.25, 7, "c")],
        [(0, NEW, 100), (0.125, UP, 5), (1, UP, 7), (1.25, DOWN, -7)],
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_is_told_in_chartmoguls_kinds(name: str) -> None:
    segments, expected = HISTORIES[name]
    assert told(follow(*[segment(*one) for one in segments])) == expected


MINUTE = 1 / 24 / 60


def test_what_happens_within_the_window_counts_as_the_beginning_or_the_end() -> None:
    segments = [
        segment(0, 10, 100, "a"),
        segment(55 * MINUTE, 10 - 30 * MINUTE, 20, "b"),
        segment(61 * MINUTE, 10 - 61 * MINUTE, 7, "c"),
        segment(11, None, 50, "d"),
        segment(11 + 60 * MINUTE, None, 5, "e"),
    ]
    assert [(kind, amount) for _, kind, amount in told(follow(*segments))] == [
        (NEW, 100), (NEW, 20), (UP, 7), (DOWN, -7), (CHURN, -20), (CHURN, -100), (BACK, 50), (BACK, 5),
    ]  # fmt: skip
    apart = [kind for _, kind, _ in told(follow(*segments, window=timedelta(0)))]
    assert apart == [NEW, UP, UP, DOWN, DOWN, CHURN, BACK, UP]


def test_each_currency_moves_by_itself_and_the_kind_is_the_accounts() -> None:
    euros = segment(3, 9, 70, "b", currency="EUR")
    found = follow(segment(0, 5, 100), euros).changes
    assert [(one.currency, one.kind, one.before_minor, one.after_minor) for one in found] == [
        ("USD", NEW, 0, 100), ("EUR", UP, 0, 70), ("USD", DOWN, 100, 0), ("EUR", CHURN, 70, 0),
    ]  # fmt: skip


def test_what_lies_ahead_is_no_movement_yet() -> None:
    found = follow(segment(0, 30, 100), until=20)
    assert (told(found), found.mrr, found.next_at) == ([(0, NEW, 100)], {"USD": 100}, day(30))
    assert follow(segment(0, 30, 100), until=30).status is AccountStatus.CHURNED


def test_a_file_takes_back_what_an_earlier_one_said_of_the_same_time() -> None:
    first = segment(0, 10, 100, replaces=True)
    moved = segment(2, 10, 100, replaces=True, as_of=day(1))
    assert told(follow(first, moved)) == [(2, NEW, 100), (10, CHURN, -100)]
    assert told(follow(first, moved._replace(replaces=False))) == [(0, NEW, 100), (10, CHURN, -100)]


def test_a_history_that_a_live_fact_ends_is_history_but_for_the_end() -> None:
    imported = segment(0, None, 100, is_history=True)
    ended = segment(9, 9, 0)
    assert [one.is_history for one in follow(imported, ended).changes] == [True, False]
    assert [one.is_history for one in follow(segment(0, 9, 100)).changes] == [False, False]


def test_what_happened_before_its_source_was_connected_is_history_unless_another_source_moved_with_it() -> None:
    early, late = segment(0, 5, 100), segment(2, 5, 50, "b", source_id="late")
    since = {"src": day(1), "late": day(4)}
    found = mrr.timeline(mrr.spans([early, late]), until=day(9), news_since=since).changes
    assert [one.is_history for one in found] == [True, True, False]
    together = mrr.timeline(mrr.spans([early, late]), until=day(9), news_since={"src": day(1), "late": day(6)})
    assert [one.is_history for one in together.changes] == [True, True, False]
    alone = mrr.timeline(mrr.spans([late]), until=day(9), news_since={"late": day(6)})
    assert [one.is_history for one in alone.changes] == [True, True]


TICK = timedelta(minutes=30)
TICKS = 40
ENDS = st.none() | st.integers(0, TICKS)


@st.composite
def histories(draw: st.DrawFn) -> list[Segment]:
    """Draw some subscriptions of an account, in half hours, each start of each once."""
    said = st.tuples(st.integers(0, TICKS), ENDS, st.integers(0, 3), st.sampled_from("abc"), st.sampled_from("UUUEJ"))
    found = []
    for start, end, amount, of, currency in draw(st.lists(said, max_size=9, unique_by=lambda one: (one[0], one[3]))):
        at, until = START + start * TICK, None if end is None else START + max(start, end) * TICK
        found.append(segment(0, None, amount, of, currency=currency)._replace(starts_at=at, ends_at=until))
    return found


def look(segments: list[Segment], tick: int) -> tuple[Counter[str], bool]:
    """Say what an account has at a tick, by currency, and whether any subscription is active."""
    at, mrr_, is_active = START + tick * TICK, Counter[str](), False
    for of in {one.external_id for one in segments}:
        begun = [one for one in segments if one.external_id == of and one.starts_at <= at]
        decides = max(begun, key=lambda one: one.starts_at, default=None)
        if decides is not None and at < decides.end:
            mrr_[decides.currency] += decides.mrr_minor
            is_active = True
    return mrr_, is_active


def look_at_every_tick(segments: list[Segment], *, near: int = 2) -> list[tuple[int, str, MovementKind, int]]:
    """Compute the movements the slow way: compare each tick with the one before. `near` is the window, in ticks."""
    was_customer = is_customer = False
    before, found = Counter[str](), []
    for tick in range(TICKS + 1):
        now, is_active = look(segments, tick)
        ends = is_customer and not is_active
        for currency in sorted(now.keys() | before.keys()):
            amount = now[currency] - before[currency]
            if not amount:
                continue
            kind = UP if amount > 0 else DOWN
            if not is_customer:
                kind = BACK if was_customer else NEW
            elif ends:
                kind = CHURN
            found.append((tick, currency, kind, amount))
        is_customer = any(now.values()) or (is_customer and not ends)
        was_customer = was_customer or is_customer
        before = now
    return [(tick, currency, _near(found, tick, kind, near), amount) for tick, currency, kind, amount in found]


def _near(found: list[tuple[int, str, MovementKind, int]], tick: int, kind: MovementKind, near: int) -> MovementKind:
    """Look back for a beginning, or ahead for an end."""
    ticks = range(tick - near, tick) if kind is UP else range(tick + 1, tick + near + 1)
    kinds = {UP: {NEW, BACK}, DOWN: {CHURN}}.get(kind, set())
    anchors = [other for at, _, other, _ in found if at in ticks and other in kinds]
    return anchors[-1 if kind is UP else 0] if anchors else kind


@settings(max_examples=1000, deadline=None)
@given(histories(), st.sampled_from([2, 2, 0, 5]))
def test_looking_at_every_tick_finds_the_same(segments: list[Segment], near: int) -> None:
    found = follow(*segments, until=TICKS, window=near * TICK).changes
    quick = [((one.at - START) // TICK, one.currency, one.kind, one.amount_minor) for one in found]
    assert quick == look_at_every_tick(segments, near=near)
    mrr_: defaultdict[str, int] = defaultdict(int)
    for one in found:
        assert one.before_minor == mrr_[one.currency]
        mrr_[one.currency] += one.amount_minor
        assert one.after_minor == mrr_[one.currency] >= 0


def test_the_slow_way_notices_a_window_that_is_left_out() -> None:
    segments = [segment(0, None, 1, "a"), segment(1 / 48, None, 1, "b")]
    slow = [kind for _, _, kind, _ in look_at_every_tick(segments)]
    assert [one.kind for one in follow(*segments).changes] == slow == [NEW, NEW]
    assert [one.kind for one in follow(*segments, window=timedelta(0)).changes] != slow


def rounded_once(price: int, quantity: int = 1, *, months: int = 1) -> int:
    return minor(Decimal(price * quantity) / months / 100, "USD")


SYNCALYTICS = [
    segment(0, 360, rounded_once(50000, 4, months=12), "4 x Gold yearly"),
    segment(5, 19, rounded_once(3000, 2), "2 x Silver monthly"),
    segment(400, None, rounded_once(5000, 3), "3 x Gold monthly"),
]
KINDS = {"new_biz": NEW, "expansion": UP, "contraction": DOWN, "churn": CHURN, "reactivation": BACK}
DOCUMENTED: dict[str, Any] = {
    "syncalytics 1": ("new_biz", 16667),
    "syncalytics 2": ("expansion", 6000),
    "syncalytics 3": ("contraction", -6000),
    "syncalytics 4": ("churn", -16667),
    "syncalytics 5": ("reactivation", 15000),
    "plans": {"silver_monthly": 3000, "silver_yearly": 30000, "gold_monthly": 5000, "gold_yearly": 50000},
    "unit": "cents",
}
"""ChartMogul's customer lifecycle, https://help.chartmogul.com/hc/en-us/articles/201244842."""
OF_SENDERS = {"source", "prorated_formula", "stripe_example"}
"""What is computed before subscriptions reach the engine: by ChartMogul itself, and by the sender of kind `stripe`."""
EXAMPLES = Path(__file__).parents[2].parent / "shared" / "facts" / "mrr-examples.json"


@pytest.mark.parametrize("step", range(1, 6))
def test_chartmoguls_documented_story_comes_out(step: int) -> None:
    _, kind, amount = told(follow(*SYNCALYTICS))[step - 1]
    expected, minor_units = DOCUMENTED[f"syncalytics {step}"]
    assert (kind, amount) == (KINDS[expected], minor_units)
    assert len(told(follow(*SYNCALYTICS))) == sum(name.startswith("syncalytics") for name in DOCUMENTED)


def cases(examples: dict[str, Any]) -> dict[str, Any]:
    """Give each documented case that concerns the engine by its name."""
    steps = {f"syncalytics {one['step']}": (one["type"], one["mrr_movement"]) for one in examples["syncalytics"]}
    return steps | {name: value for name, value in examples.items() if name not in OF_SENDERS | {"syncalytics"}}


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the documented examples are not beside the project")
def test_every_documented_case_is_a_test() -> None:
    examples = orjson.loads(EXAMPLES.read_bytes())
    assert cases(examples) == DOCUMENTED
    assert cases({**examples, "another": 1}) != DOCUMENTED
