"""Stripe's events and lists become subscriptions over time: in any order, and to the cent what Stripe documents."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.vendors.stripe import StripeServer
from handlers.senders import stripe
from handlers.senders.reading import Received, Refused
from handlers.senders.stripe import EVENTS, How
from models import mrr, subscription
from models.fact import AccountFact, Fact, SubscriptionFact
from models.mrr import Segment
from models.stripe import Cancellation, Passing, Rules

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
START = int(datetime(2025, 1, 10, 9, tzinfo=UTC).timestamp())
HOUR, DAY, YEAR = 3600, 86400, 365 * 86400
PLAIN = How()
AT_ONCE = How(Rules(Cancellation.AT_ONCE))
ALL_COUPONS = How(Rules(subtracted=frozenset(Passing)))


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


@pytest.fixture
def server() -> StripeServer:
    return StripeServer(START)


def records(events: Iterable[dict[str, Any]], how: How = PLAIN) -> list[Received | Refused]:
    return [record for event in events for record in stripe.read(event, received_at=NOW, how=how).records]


def facts(events: Iterable[dict[str, Any]], how: How = PLAIN) -> list[Fact]:
    return [fact for one in records(events, how) if isinstance(one, Received) for fact in one.facts]


def listed(server: StripeServer, how: How = PLAIN) -> list[Fact]:
    """What the list of subscriptions says now, read as soon as our clock allows."""
    received_at = at(server.second + 2)
    read = [
        one
        for entry in server.subscriptions.values()
        for one in stripe.read_listed(entry, how, received_at=received_at)
    ]
    return [fact for one in read if isinstance(one, Received) for fact in one.facts]


def movements(told: Iterable[Fact], *, until: datetime = NOW) -> list[tuple[str, int, str, int]]:
    """Derive what the facts come to, as the tables keep them: by subscription and start, what was said last."""
    kept: dict[tuple[str, datetime], Segment] = {}
    for fact in told:
        if isinstance(fact, SubscriptionFact):
            one = subscription.segment(fact, fact.account_external_id, "src", is_history=False)
            key = (one.external_id, one.starts_at)
            kept[key] = mrr.newest(kept[key], one) if key in kept else one
    spans = list(mrr.spans(kept.values()))
    return [
        (account, int(change.at.timestamp()) - START, change.kind.value, change.amount_minor)
        for account in sorted({span.account_id for span in spans})
        for change in mrr.timeline((one for one in spans if one.account_id == account), until=until).changes
    ]


def amounts(told: Iterable[Fact]) -> list[tuple[str, int]]:
    return [(kind, amount) for _, _, kind, amount in movements(told)]


def worth(*items: dict[str, Any], how: How = PLAIN, **fields: Any) -> int:
    """Say what a subscription is worth."""
    made = StripeServer(START)
    made.subscribe("cus_1", *items, **fields)
    return sum(amount for _, amount in amounts(facts(made.events, how)))


def item(unit_amount: int | None = 10000, **fields: Any) -> dict[str, Any]:
    return StripeServer(START).item(unit_amount, **fields)


# --- what Stripe and ChartMogul document -----------------------------------------------------------------------------

EXAMPLES_FILE = Path(__file__).parents[2] / ".." / "shared" / "facts" / "mrr-examples.json"


def test_chartmoguls_story_comes_out_to_the_cent(server: StripeServer) -> None:
    gold = server.subscribe("cus_1", server.item(50000, quantity=4, interval="year"))
    server.now += 5 * DAY
    silver = server.subscribe("cus_1", server.item(3000, quantity=2))
    server.now += 14 * DAY
    server.cancel(silver["id"])
    server.cancel(gold["id"], at_period_end=START + YEAR)
    server.now = START + YEAR
    server.cancel(gold["id"])
    server.now += 60 * DAY
    server.subscribe("cus_1", server.item(5000, quantity=3))
    story = [
        ("new_business", 16667),
        ("expansion", 6000),
        ("contraction", -6000),
        ("churn", -16667),
        ("reactivation", 15000),
    ]
    assert amounts(facts(server.events)) == story
    assert movements(facts(server.events))[3] == ("cus_1", YEAR, "churn", -16667), "at the end of the paid period"


def test_stripes_own_examples_come_out_to_the_cent() -> None:
    yearly = item(120000, interval="year")
    assert worth(yearly) == 10000
    assert worth(item(10000, quantity=100), item(60000, quantity=50, interval="year")) == 1_250_000


@pytest.mark.skipif(not EXAMPLES_FILE.exists(), reason="the documented examples are not beside the project")
def test_the_documented_examples_are_those_of_these_tests() -> None:
    examples = json.loads(EXAMPLES_FILE.read_text())
    assert [one["mrr_movement"] for one in examples["syncalytics"]] == [16667, 6000, -6000, -16667, 15000]
    plans = examples["plans"]
    assert (plans["gold_yearly"], plans["silver_monthly"], plans["gold_monthly"]) == (50000, 3000, 5000)
    assert examples["stripe_example"]["annual_120000_cents"] == {"mrr": 10000}
    assert "$90 for 3 months -> 1/3 -> $30" in examples["prorated_formula"]["subscription_duration_ratio"]


@pytest.mark.parametrize(
    ("unit_amount", "interval", "count", "mrr_minor"),
    [
        (9000, "month", 3, 3000),
        (10000, "month", 1, 10000),
        (120000, "year", 1, 10000),
        (120000, "year", 2, 5000),
        (1200, "week", 1, 5200),
        (1200, "week", 2, 2600),
        (1200, "day", 1, 36500),
        (1200, "day", 30, 1217),
        (6, "year", 1, 1),
        (5, "year", 1, 0),
        (0, "month", 1, 0),
    ],
)
def test_an_amount_is_made_monthly(unit_amount: int, interval: str, count: int, mrr_minor: int) -> None:
    assert worth(item(unit_amount, interval=interval, interval_count=count)) == mrr_minor


def test_a_subscription_is_rounded_once() -> None:
    thirds = [item(100, interval="month", interval_count=3) for _ in range(3)]
    assert worth(*thirds) == 100, "rounded each by itself they would be 99"
    assert worth(item(None, quantity=1000, unit_amount_decimal="0.0125")) == 13
    assert worth(item(1000, quantity=7, transform_quantity={"divide_by": 5, "round": "up"})) == 2000
    assert worth(item(1000, quantity=7, transform_quantity={"divide_by": 5, "round": "down"})) == 1000


@pytest.mark.parametrize(
    ("currency", "amount", "mrr_minor"),
    [
        ("usd", 1234, 1234),
        ("jpy", 1234, 1234),
        ("isk", 123400, 1234),
        ("ugx", 123400, 1234),
        ("mga", 1234, 123400),
        ("kwd", 12340, 12340),
    ],
)
def test_stripes_smallest_units_become_the_currencys_own(currency: str, amount: int, mrr_minor: int) -> None:
    assert worth(item(amount, currency=currency), currency=currency) == mrr_minor


# --- coupons ---------------------------------------------------------------------------------------------------------


def off(duration: str = "forever", **fields: Any) -> dict[str, Any]:
    coupon = {"percent_off": None, "amount_off": None, "duration": duration, **fields}
    return {"id": "di_1", "object": "discount", "source": {"type": "coupon", "coupon": coupon}, "end": None}


@pytest.mark.parametrize(
    ("discounts", "how", "mrr_minor"),
    [
        ([off(percent_off=50)], PLAIN, 5000),
        ([off(percent_off=33.33)], PLAIN, 6667),
        ([off(percent_off=100)], PLAIN, 0),
        ([off(amount_off=2500, currency="usd")], PLAIN, 7500),
        ([off(amount_off=99999, currency="usd")], PLAIN, 0),
        ([off(percent_off=50), off(amount_off=1000)], PLAIN, 4000),
        ([off(amount_off=1000), off(percent_off=50)], PLAIN, 4500),
        ([off("repeating", percent_off=50)], PLAIN, 10000),
        ([off("once", percent_off=50)], PLAIN, 10000),
        ([off("repeating", percent_off=50)], ALL_COUPONS, 5000),
        ([off("once", percent_off=50)], ALL_COUPONS, 5000),
        ([off("once", percent_off=50)], How(Rules(subtracted=frozenset({Passing.REPEATING}))), 10000),
        ([{**off("repeating", percent_off=50), "end": START}], ALL_COUPONS, 10000),
        ([{**off("repeating", percent_off=50), "end": START + 1}], ALL_COUPONS, 5000),
        (["di_1"], How(coupons={"di_1": {"percent_off": 50, "duration": "forever"}}), 5000),
        (["di_1"], PLAIN, 10000),
    ],
)
def test_coupons_lower_mrr_by_the_rules(discounts: list[Any], how: How, mrr_minor: int) -> None:
    assert worth(discounts=discounts, how=how) == mrr_minor


def test_a_fixed_amount_is_one_of_each_bill_and_an_items_discount_is_its_own() -> None:
    assert worth(item(120000, interval="year"), discounts=[off(amount_off=12000)]) == 9000
    assert worth(item(10000) | {"discounts": [off(percent_off=50)]}, item(4000)) == 9000


def test_a_discount_of_which_only_the_id_came_is_said_to_be_left_out(server: StripeServer) -> None:
    server.subscribe("cus_1", discounts=["di_1"])
    _, left_out = records(server.events)
    assert isinstance(left_out, Refused)
    assert (left_out.id, left_out.field) == ("di_1", "discounts")
    assert "Enter a restricted API key" in left_out.reason
    assert records(server.events, How(is_asked=True)) == [], "with an API key the poll brings it"
    server.subscribe("cus_2", discounts=[off(percent_off=50)])
    assert len(records(server.events[1:], How(is_asked=True))) == 1


# --- what does not count ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"billing_scheme": "tiered", "tiers_mode": "graduated"}, "tiered"), ({"usage_type": "metered"}, "metered")],
)
def test_tiered_and_metered_prices_are_left_out_and_said_so(
    server: StripeServer, fields: dict[str, Any], word: str
) -> None:
    made = server.subscribe("cus_1", server.item(5000), server.item(None, quantity=1, **fields))
    taken, left_out = records(server.events)
    assert amounts(facts(server.events)) == [("new_business", 5000)]
    assert isinstance(taken, Received)
    assert isinstance(left_out, Refused)
    assert left_out.reason.startswith(f"The price is {word}")
    assert left_out.reason.endswith("it is left out of MRR.")
    assert left_out.id == made["items"]["data"][1]["id"]
    server.now += DAY
    server.change(made["id"], metadata={"k": "v"})
    again = records(server.events)[-1]
    assert isinstance(again, Refused)
    assert (again.dedupe_key, again.raw) == (left_out.dedupe_key, left_out.raw), "it is noted once"


@pytest.mark.parametrize(
    ("fields", "story"),
    [
        ({"status": "past_due"}, []),
        ({"status": "unpaid"}, [("churn", -10000)]),
        ({"status": "paused"}, [("churn", -10000)]),
        ({"status": "canceled"}, [("churn", -10000)]),
        ({"status": "something new"}, [("churn", -10000)]),
        ({"pause_collection": {"behavior": "void", "resumes_at": None}}, [("churn", -10000)]),
    ],
)
def test_what_counts_is_active_or_past_due(
    server: StripeServer, fields: dict[str, Any], story: list[tuple[str, int]]
) -> None:
    made = server.subscribe("cus_1")
    server.now += 30 * DAY
    server.change(made["id"], **fields)
    assert amounts(facts(server.events)) == [("new_business", 10000), *story]
    server.now += 30 * DAY
    server.change(made["id"], status="active", pause_collection=None)
    back = [("reactivation", 10000)] if story else []
    assert amounts(facts(server.events)) == [("new_business", 10000), *story, *back]


def test_a_trial_and_an_unpaid_beginning_are_worth_nothing_until_they_are_paid(server: StripeServer) -> None:
    trial = server.subscribe("cus_1", status="trialing", trial_end=START + 14 * DAY)
    first = server.subscribe("cus_2", status="incomplete")
    assert movements(facts(server.events)) == []
    server.now += 1
    server.change(first["id"], status="active")
    server.now = START + 14 * DAY + 5
    server.change(trial["id"], status="active")
    lost = server.subscribe("cus_3", status="incomplete")
    server.change(lost["id"], status="incomplete_expired")
    told = [("cus_1", 14 * DAY + 5, "new_business", 10000), ("cus_2", 1, "new_business", 10000)]
    assert movements(facts(server.events)) == told
    assert movements([*facts(server.events), *listed(server)]) == told


# --- cancellation ----------------------------------------------------------------------------------------------------


def test_a_cancellation_counts_when_the_period_ends_or_when_it_is_asked_for(server: StripeServer) -> None:
    made = server.subscribe("cus_1")
    server.now += 10 * DAY
    server.cancel(made["id"], at_period_end=START + 30 * DAY)
    asked = movements(facts(server.events)), movements(facts(server.events, AT_ONCE))
    server.now = START + 30 * DAY + 4
    server.cancel(made["id"])
    came = movements(facts(server.events)), movements(facts(server.events, AT_ONCE))
    assert asked == came, "the end is known before it comes"
    assert [story[-1][1:3] for story in came] == [(30 * DAY, "churn"), (10 * DAY, "churn")]
    assert [movements([*facts(server.events, how), *listed(server, how)]) for how in (PLAIN, AT_ONCE)] == list(came)


def test_a_cancellation_can_be_taken_back(server: StripeServer) -> None:
    made = server.subscribe("cus_1")
    server.now += 10 * DAY
    server.cancel(made["id"], at_period_end=START + 30 * DAY)
    server.now += DAY
    server.change(made["id"], cancel_at_period_end=False, cancel_at=None, canceled_at=None)
    assert amounts(facts(server.events)) == [("new_business", 10000)]
    assert amounts(facts(server.events, AT_ONCE)) == [
        ("new_business", 10000),
        ("churn", -10000),
        ("reactivation", 10000),
    ]


def test_a_fixed_term_ends_with_its_term_whatever_the_rule(server: StripeServer) -> None:
    server.subscribe("cus_1", cancel_at=START + YEAR, canceled_at=START)
    for how in (PLAIN, AT_ONCE):
        assert [one[1:3] for one in movements(facts(server.events, how))] == [(0, "new_business"), (YEAR, "churn")]


def test_the_end_of_the_period_stands_on_the_subscription_or_on_its_items(server: StripeServer) -> None:
    end = START + 30 * DAY
    old = server.subscribe("cus_1", cancel_at_period_end=True, current_period_end=end)
    new = server.subscribe("cus_2", server.item() | {"current_period_end": end}, cancel_at_period_end=True)
    assert [one[1] for one in movements(facts(server.events))] == [0, 30 * DAY] * 2
    assert old["id"] != new["id"]


def test_one_of_several_subscriptions_ends_in_a_contraction_and_the_last_in_churn(server: StripeServer) -> None:
    made = [server.subscribe("cus_1", server.item(amount)) for amount in (10000, 3000)]
    for one in made[::-1]:
        server.now += 10 * DAY
        server.cancel(one["id"])
    assert amounts(facts(server.events)) == [("new_business", 13000), ("contraction", -3000), ("churn", -10000)]


# --- shapes of the API -----------------------------------------------------------------------------------------------

COUPON = {"id": "half", "percent_off": 50, "duration": "forever"}
OLD_PLAN = {"amount": 120000, "currency": "usd", "interval": "year", "interval_count": 1, "usage_type": "licensed"}
HEAD = {"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active"}
OLDEST = {**HEAD, "start": START, "quantity": 2, "plan": OLD_PLAN, "discount": {"object": "discount", "coupon": COUPON}}
MIDDLE = {
    **HEAD,
    "start_date": START,
    "created": START,
    "currency": "usd",
    "current_period_end": START + YEAR,
    "discount": {"id": "di_1", "coupon": COUPON},
    "discounts": ["di_1"],
    "items": {"data": [{"id": "si_1", "quantity": 2, "plan": OLD_PLAN}]},
}
NEWEST = {
    **HEAD,
    "start_date": START,
    "created": START,
    "currency": "usd",
    "customer": {"id": "cus_1", "object": "customer"},
    "discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": COUPON}}],
    "items": {
        "data": [
            {
                "id": "si_1",
                "quantity": 2,
                "price": {
                    "unit_amount": 120000,
                    "unit_amount_decimal": "120000",
                    "currency": "usd",
                    "billing_scheme": "per_unit",
                    "recurring": {"interval": "year", "interval_count": 1, "usage_type": "licensed"},
                },
            }
        ]
    },
}


def event(
    kind: str, about: dict[str, Any], *, created: int = START, own_id: str = "evt_1", **data: Any
) -> dict[str, Any]:
    return {"id": own_id, "object": "event", "type": kind, "created": created, "data": {"object": about, **data}}


@pytest.mark.parametrize("shape", [OLDEST, MIDDLE, NEWEST])
def test_every_shape_of_the_api_says_the_same(shape: dict[str, Any]) -> None:
    told = facts([event("customer.subscription.created", shape)])
    assert movements(told) == [("cus_1", 0, "new_business", 10000)]
    ended = event("customer.subscription.deleted", shape | {"status": "canceled"}, created=START + DAY, own_id="evt_2")
    assert amounts(facts([ended])) == [("new_business", 10000), ("churn", -10000)]
    read = stripe.read_listed(shape, PLAIN, received_at=NOW)
    listed = [fact for one in read if isinstance(one, Received) for fact in one.facts]
    assert movements(listed) == [("cus_1", 0, "new_business", 10000)]


# --- order -----------------------------------------------------------------------------------------------------------


def test_what_an_event_says_of_before_makes_its_change_what_it_is(server: StripeServer) -> None:
    made = server.subscribe("cus_1")
    server.now += 100 * DAY
    server.change(made["id"], server.item(15000))
    server.now += 100 * DAY
    server.cancel(made["id"])
    created, changed, ended = server.events
    expansion = ("cus_1", 100 * DAY, "expansion", 5000)
    churn = ("cus_1", 200 * DAY, "churn", -15000)
    new = ("cus_1", 0, "new_business", 10000)
    assert movements(facts([changed])) == [new, expansion]
    assert movements(facts([changed, ended])) == [new, expansion, churn]
    assert movements(facts([ended])) == [("cus_1", 0, "new_business", 15000), churn]
    assert movements(facts([ended, created])) == [new, ("cus_1", 200 * DAY, "churn", -10000)]


def test_in_the_same_second_the_later_in_a_subscriptions_life_counts(server: StripeServer) -> None:
    made = server.subscribe("cus_1", status="incomplete")
    server.change(made["id"], status="active")
    server.now += DAY
    server.change(made["id"], metadata={"k": "before"})
    server.change(made["id"], server.item(4000))
    server.now += DAY
    server.change(made["id"], server.item(9000))
    server.cancel(made["id"])
    told = [("new_business", 10000), ("contraction", -6000), ("churn", -4000)]
    for order in (server.events, server.events[::-1]):
        assert amounts(facts(order)) == told


KINDS = (
    "subscribe",
    "upgrade",
    "downgrade",
    "cancel",
    "cancel_at_end",
    "keep",
    "unpaid",
    "pay",
    "trial",
    "discount",
    "pause",
)
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3), st.integers(1, 40 * DAY)), max_size=12)


def play(server: StripeServer, steps: list[tuple[str, int, int]]) -> None:
    """Let things happen at one to four subscriptions of two customers, never two in the same second."""
    for kind, number, seconds in steps:
        server.now += seconds
        made = list(server.subscriptions.values())
        if kind in {"subscribe", "trial"} or number >= len(made):
            trial = {"status": "trialing", "trial_end": server.second + 5 * DAY} if kind == "trial" else {}
            server.subscribe(f"cus_{number % 2}", server.item(1000 * (number + 1)), **trial)
        elif made[number]["status"] != "canceled":
            happen(server, kind, made[number])


def happen(server: StripeServer, kind: str, made: dict[str, Any]) -> None:
    own_id, amount = made["id"], made["items"]["data"][0]["price"]["unit_amount"]
    match kind:
        case "upgrade" | "downgrade":
            server.change(own_id, server.item(amount * 2 if kind == "upgrade" else amount // 2))
        case "cancel":
            server.cancel(own_id)
        case "cancel_at_end":
            server.cancel(own_id, at_period_end=server.second + 20 * DAY)
        case "keep":
            server.change(own_id, cancel_at_period_end=False, cancel_at=None, canceled_at=None)
        case "unpaid" | "pay":
            server.change(own_id, status="unpaid" if kind == "unpaid" else "active")
        case "discount":
            server.change(own_id, discounts=[off(percent_off=20)])
        case "pause":
            server.change(own_id, pause_collection={"behavior": "void"})


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, data=st.data(), rule=st.sampled_from(Cancellation))
def test_any_order_and_repetition_of_events_gives_the_same_movements(
    steps: list[tuple[str, int, int]], data: st.DataObject, rule: Cancellation
) -> None:
    server, how = StripeServer(START), How(Rules(rule))
    play(server, steps)
    until = at(server.second)
    story = movements(facts(server.events, how), until=until)
    repeated = [*server.events, *data.draw(st.lists(st.sampled_from(server.events or [{}]), max_size=5))]
    shuffled = data.draw(st.permutations([one for one in repeated if one]))
    assert movements(facts(shuffled, how), until=until) == story
    assert movements([*listed(server, how), *facts(shuffled, how)], until=until) == story, "a list adds nothing"


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, data=st.data())
def test_whatever_was_missed_the_last_event_of_each_subscription_says_what_it_is_worth(
    steps: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    server = StripeServer(START)
    play(server, steps)
    until = at(server.second)
    last = {one["data"]["object"]["id"]: one for one in server.events}
    missed = data.draw(st.sets(st.sampled_from(server.events or [{}]).map(lambda one: one.get("id"))))
    heard = [one for one in server.events if one["id"] not in missed or one is last[one["data"]["object"]["id"]]]
    whole, part, from_list = (totals(told, until) for told in (facts(server.events), facts(heard), listed(server)))
    assert whole == part == from_list


def totals(told: Iterable[Fact], until: datetime) -> dict[str, int]:
    sums: dict[str, int] = {}
    for account, _, _, amount in movements(told, until=until):
        sums[account] = sums.get(account, 0) + amount
    return {account: amount for account, amount in sums.items() if amount}


def test_ordered_by_their_arrival_alone_shuffled_events_would_end_in_another_truth(server: StripeServer) -> None:
    made = server.subscribe("cus_1")
    server.now += DAY
    server.change(made["id"], server.item(15000))
    arrived = [
        [
            fact.model_copy(update={"starts_at": NOW + timedelta(seconds=place)})
            for place, fact in enumerate(facts(order))
        ]
        for order in (server.events, server.events[::-1])
    ]
    later = NOW + timedelta(days=1)
    assert movements(arrived[0], until=later) != movements(arrived[1], until=later)


# --- lists -----------------------------------------------------------------------------------------------------------


def test_a_list_says_what_is_known_since_the_start_and_ends_what_ended(server: StripeServer) -> None:
    server.subscribe("cus_1", server.item(15000))
    ended = server.subscribe("cus_2")
    unpaid = server.subscribe("cus_3", current_period_start=START + 30 * DAY)
    server.subscribe("cus_4", trial_end=START + 7 * DAY)
    server.subscribe("cus_5", status="incomplete_expired")
    server.now += 40 * DAY
    server.cancel(ended["id"])
    server.change(unpaid["id"], status="unpaid")
    server.now += 40 * DAY
    assert movements(listed(server)) == [
        ("cus_1", 0, "new_business", 15000),
        ("cus_2", 0, "new_business", 10000),
        ("cus_2", 40 * DAY, "churn", -10000),
        ("cus_3", 0, "new_business", 10000),
        ("cus_3", 30 * DAY, "churn", -10000),
        ("cus_4", 7 * DAY, "new_business", 10000),
    ]


def test_a_list_corrects_what_no_event_told_from_then_on(server: StripeServer) -> None:
    made = server.subscribe("cus_1")
    server.now += DAY
    server.change(made["id"], server.item(15000))
    server.now += DAY
    heard = facts(server.events[:1])
    told = movements([*heard, *listed(server)])
    assert told == [("cus_1", 0, "new_business", 10000), ("cus_1", 2 * DAY, "expansion", 5000)]


# --- customers and the rest ------------------------------------------------------------------------------------------


def test_a_customer_is_an_account_with_its_metadata(server: StripeServer) -> None:
    server.add_customer(metadata={"Segment": "Mid-market", "seats": "12"}, livemode=True)
    server.add_customer(name="", email="kim@example.com")
    server.add_customer(name=None, email="n/a")
    found = [fact for fact in facts(server.events) if isinstance(fact, AccountFact)]
    assert [one.name for one in found] == ["Northwind Traders", "kim@example.com", None]
    assert found[0].attributes == {"Segment": "Mid-market", "seats": "12"}
    assert (found[0].email, found[0].created_at) == ("billing@northwind.example", at(START))
    assert found[0].url == "https://dashboard.stripe.com/customers/cus_0001"
    assert found[1].url == "https://dashboard.stripe.com/test/customers/cus_0002"


@pytest.mark.parametrize(
    "kind",
    ["customer.subscription.trial_will_end", "customer.discount.created", "customer.deleted", "invoice.paid", "ping"],
)
def test_an_event_that_is_of_no_use_comes_to_nothing(kind: str) -> None:
    assert records([event(kind, NEWEST)]) == []
    assert stripe.read({}, received_at=NOW).refused, "what is no event at all is refused"


GOOD = event("customer.subscription.updated", NEWEST)
ITEM: dict[str, Any] = NEWEST["items"]["data"][0]
PRICE: dict[str, Any] = ITEM["price"]


def with_price(**fields: Any) -> dict[str, Any]:
    return {"items": {"data": [ITEM | {"price": PRICE | fields}]}}


@pytest.mark.parametrize(
    ("of_event", "of_subscription", "field"),
    [
        ({"id": None}, {}, "id"),
        ({"type": None}, {}, "type"),
        ({"created": None}, {}, "created"),
        ({"created": "2026-11-20"}, {}, "created"),
        ({"created": 10**17}, {}, "created"),
        ({"data": []}, {}, "data.object"),
        ({"object": "v2.core.event"}, {}, "object"),
        ({}, {"id": None}, "id"),
        ({}, {"customer": None}, "customer"),
        ({}, {"currency": "dollars"}, "currency"),
        ({}, {"start_date": "yesterday"}, "start_date"),
        ({}, {"items": {"data": {}}}, "items"),
        ({}, {"items": {"data": [None]}}, "items"),
        ({}, {"items": {"data": [{}]}}, "items.price"),
        ({}, with_price(unit_amount=None, unit_amount_decimal=None), "items.price.unit_amount"),
        ({}, with_price(unit_amount_decimal="1e999999999"), "items.price.unit_amount"),
        ({}, with_price(unit_amount_decimal="-1"), "items.price.unit_amount"),
        ({}, with_price(unit_amount_decimal="NaN"), "items.price.unit_amount"),
        ({}, with_price(unit_amount_decimal=True), "items.price.unit_amount"),
        ({}, with_price(unit_amount_decimal="9" * 20), "items"),
        ({}, with_price(recurring={"interval": "fortnight"}), "items.price.recurring.interval"),
        ({}, with_price(recurring={"interval": "day", "interval_count": 0}), "items.price.recurring.interval_count"),
        ({}, {"items": {"data": [ITEM | {"quantity": "many"}]}}, "items.quantity"),
        ({}, {"discounts": [off(percent_off="half")]}, "discounts.coupon.percent_off"),
        ({}, {"discounts": [off(amount_off=[])]}, "discounts.coupon.amount_off"),
    ],
)
def test_what_can_t_be_read_is_refused_with_its_field(
    of_event: dict[str, Any], of_subscription: dict[str, Any], field: str
) -> None:
    assert not any(isinstance(one, Refused) for one in records([GOOD]))
    bad = {**GOOD, "data": {"object": NEWEST | of_subscription}, **of_event}
    [refused] = stripe.read(bad, received_at=NOW).refused
    assert refused.field == field
    assert refused.reason.endswith(".")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["forever", "1e9"]),
    lambda children: st.lists(children, max_size=2) | st.dictionaries(st.text(max_size=5), children, max_size=2),
    max_leaves=4,
)


def paths(value: Any) -> list[tuple[Any, ...]]:
    """Give every place in a JSON value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(), *((key, *path) for key, child in children for path in paths(child))]


def planted(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """Put something else in a place."""
    if not path:
        return other
    copied = value.copy()
    copied[path[0]] = planted(value[path[0]], path[1:], other)
    return copied


@settings(max_examples=100, deadline=None)
@given(data=st.data(), shape=st.sampled_from([OLDEST, MIDDLE, NEWEST]), kind=st.sampled_from(EVENTS), other=JSON)
def test_whatever_stands_in_any_place_nothing_is_raised(
    data: st.DataObject, shape: dict[str, Any], kind: str, other: Any
) -> None:
    before = {"status": "trialing", "items": {"data": [ITEM]}, "discounts": []}
    good = event(kind, {**shape, "trial_end": START + DAY, "canceled_at": START + DAY}, previous_attributes=before)
    bad = planted(good, data.draw(st.sampled_from(paths(good))), other)
    assert stripe.read(good, received_at=NOW).refused == []
    for how in (AT_ONCE, ALL_COUPONS, How(is_asked=True)):
        stripe.read(bad, received_at=NOW, how=how)
    entry = bad.get("data") if isinstance(bad, dict) else bad
    list(stripe.read_listed(entry.get("object") if isinstance(entry, dict) else entry, PLAIN, received_at=NOW))


def test_what_was_before_may_be_unreadable() -> None:
    bad = event("customer.subscription.updated", NEWEST, previous_attributes={"items": {"data": [{}]}})
    assert movements(facts([bad])) == [("cus_1", 0, "new_business", 10000)]


def test_a_call_that_is_no_object_is_unreadable() -> None:
    unreadable = stripe.read([GOOD], received_at=NOW).unreadable
    assert unreadable is not None
    assert unreadable.status == 400
