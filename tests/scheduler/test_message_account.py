import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models import account_card
from models.account_card import AccountCard, began, by_month
from models.fact import AccountStatus, MovementKind
from models.movement import Movement
from models.rate import Moved
from scheduler.messages.account import AccountMessage, blocks, draw, summary
from scheduler.messages.message import CHART, Message

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
DAY = "<!date^1795183320^{date_short}|20 Nov 2026>"
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"
TOKEN = re.compile(r"!date\^\d+\^[^<>|]+\|[^<>|]+|https?://[^<>|]+\|[^<>|]*")


def moved(kind: MovementKind = MovementKind.EXPANSION, amount: int = 42_000, **fields: Any) -> Movement:
    told = {"amount_minor": amount, "currency": "USD", "mrr_after_minor": 162_000, "occurred_at": AT}
    return Movement(kind=kind, **{**told, **fields})


NORTHWIND = AccountCard(
    id="acc_1",
    external_id="cus_1",
    name="Northwind Traders",
    status=AccountStatus.CUSTOMER,
    mrr_minor=162_000,
    currency="USD",
    in_base=(150_000, "EUR"),
    customer_since=AT,
    sales_stage="Renewal",
    plan="Scale",
    domain="northwind.example",
    urls=("https://app.chartmogul.com/customers/1", "https://acme.my.salesforce.com/001"),
    movements=(moved(plan="Scale"), moved(MovementKind.NEW_BUSINESS, 120_000, mrr_after_minor=120_000)),
    movement_count=12,
    months=tuple((date(2026, month, 1), month * 10_000) for month in range(1, 12)),
    attributes=(("employeeCount", 80), ("is_vip", True), ("note", None)),
    roles=(("csm", "Mei Tanaka"), ("owner", "dana@acme.com")),
    contacts=(("Sofia Marín", "VP Finance"), ("Ann", None)),
    contact_count=7,
    sources=(("Billing", AT), ("CRM", None)),
    aliases=("cus_9",),
    locale="en_US",
)


def texts(drawn: list[dict[str, Any]]) -> list[str]:
    """Read the card from top to bottom, line by line."""
    found = []
    for block in drawn:
        parts = [block["text"]] if "text" in block else [*block.get("fields", ()), *block.get("elements", ())]
        found += [line for part in parts if isinstance(part.get("text"), str) for line in part["text"].split("\n")]
    return found


def test_a_card_reads_from_what_it_is_to_who_told_of_it() -> None:
    assert texts(blocks(NORTHWIND)) == [
        f"*<https://app.chartmogul.com/customers/1|Northwind Traders>* — Customer since {DAY}",
        "*$1,620 MRR* (about €1,500) · plan Scale · stage Renewal",
        "`▂▂▃▄▄▅▅▆▇▇█` $100 → $1,100 in 11 months",
        "*Movements*",
        f"▲ {DAY}  Expansion *+$420* → $1,620 · Scale",
        f"● {DAY}  New business *+$1,200* → $1,200",
        "10 more",
        "*Employee count*  80",
        "*Is vip*  Yes",
        "*With us*  CSM Mei Tanaka · Owner dana@acme.com",
        "*With them*  Sofia Marín, VP Finance · Ann · 5 more",
        f"Told by Billing (last {MOMENT}) and CRM · id `cus_1` · also `cus_9` · northwind.example",
        f"<{NORTHWIND.urls[0]}|Open in ChartMogul> · <{NORTHWIND.urls[1]}|Open in Salesforce>",
    ]
    assert summary(NORTHWIND) == "Northwind Traders: $1,620 MRR, customer"


def test_a_native_chart_stands_in_the_place_of_the_small_bars() -> None:
    drawn = blocks(NORTHWIND, charts=True)
    [chart] = [one for one in drawn if one["type"] == CHART]
    assert chart["chart"]["series"][0]["data"][-1] == {"label": "Nov 2026", "value": 1_100.0}
    assert "▇" not in str(drawn)
    validate_blocks(drawn, surface="ephemeral")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": AccountStatus.LEAD, "mrr_minor": None, "customer_since": None}, ["Lead", "No MRR yet"]),
        ({"mrr_minor": None}, ["MRR unknown: import the history, and this says it"]),
        ({"status": AccountStatus.CHURNED, "mrr_minor": 0}, [f"Former customer, first won {DAY}", "*$0 MRR*"]),
        ({"movements": (), "movement_count": 0}, ["*Movements*\nNone is known."]),
        ({"urls": ("https://evil.example/x",)}, ["Open in evil.example"]),
        ({"urls": ("https://chartmogul.com.evil.example/x",)}, ["Open in chartmogul.com.evil.example"]),
        ({"urls": ("https://acme.my.salesforce.com/001",)}, ["Open in Salesforce"]),
        ({"urls": ("javascript:alert(1)",)}, ["— Customer"]),
        ({"attributes": tuple((f"a{n}", n) for n in range(300))}, ["290 more attributes"]),
        ({"parts": ((5_000, "USD"), (9_000, "EUR"))}, ["(about €1,500) from $50 and €90 ·"]),
        ({"mrr_minor": None, "parts": ((5_000, "USD"), (9_000, "EUR"))}, ["*$50 and €90 MRR*"]),
        ({"mrr_minor": 1_500, "currency": "JPY", "in_base": None, "months": ()}, ["*¥1,500 MRR*"]),
    ],
)
def test_what_is_missing_or_too_much_is_said(changes: dict[str, Any], said: list[str]) -> None:
    drawn = blocks(replace(NORTHWIND, **changes))
    validate_blocks(drawn, surface="modal")
    for words in said:
        assert any(words in str(block) or words in "\n".join(texts([block])) for block in drawn), words


def test_what_is_shared_says_who_shared_it_and_has_a_plainer_form() -> None:
    drawn = draw(AccountMessage(card=NORTHWIND, note="Pat shared this", told_at=AT, may_be_repeat=True))
    plainer = drawn["plainer"]
    for form in (drawn, plainer):
        validate_blocks(form["blocks"], surface="message")
        assert texts(form["blocks"])[-1].endswith(
            "Pat shared this · may be a repeat: Slack didn't confirm the first one"
        )
        assert form["text"] == "Northwind Traders: $1,620 MRR, customer"
        assert form["blocks"][0]["accessory"]["type"] == "overflow"
    assert [any(one["type"] == CHART for one in form["blocks"]) for form in (drawn, plainer)] == [True, False]
    assert "▇" in str(plainer)


def move(day: date, amount: int, currency: str = "USD") -> Moved:
    return Moved(day, currency, MovementKind.EXPANSION, amount)


def test_a_customer_is_one_since_the_first_movement_unless_there_was_mrr_before_it() -> None:
    history = [move(date(2026, 11, 1), 30), move(date(2025, 12, 31), 10)]
    first = datetime(2025, 12, 31, 12, tzinfo=UTC)
    assert [began(history, mrr) for mrr in (40, None, 90)] == [first, first, None]
    assert began([*history, move(date(2026, 11, 2), 1, "EUR")], 90) == first
    assert began([], 90) is None


def test_months_are_counted_back_from_what_the_mrr_is_now() -> None:
    history = [move(date(2020, 1, 1), 50), move(date(2025, 12, 31), 10), move(date(2026, 11, 1), 30)]
    months = by_month(history, 90, "USD", today=date(2026, 11, 20))
    assert [amount for _, amount in months] == [60] * 11 + [90]
    assert (months[0][0], months[-1][0]) == (date(2025, 12, 1), date(2026, 11, 1))
    assert len(months) == account_card.MONTHS
    nothing = [([], 90), (history[:1], 90), (history, None), ([*history, move(date(2026, 11, 2), 1, "EUR")], 90)]
    assert [by_month(told, mrr, "USD", today=date(2026, 11, 20)) for told, mrr in nothing] == [()] * 4


MARKUP = [
    "<!channel>", "<@U0EVE>", "<https://evil.example|free>", "&", "*b*", "_i_", "`c`", "```", "> q", "@here", ":tada:",
    "שלום", "مرحبا", "👩‍👩‍👧‍👦", "e\u0301", "\x00", "\ud800", "\n", "\u202e", "|", ">", "<",
]  # fmt: skip
anything = st.one_of(
    st.lists(st.sampled_from(MARKUP), max_size=6).map("".join),
    st.text(max_size=40),
    st.builds(lambda part, times: part * times, st.sampled_from(MARKUP), st.integers(1, 300)),
)


def check(drawn: Any) -> None:
    """Check that a drawing can be sent, links only where an address was told, and mentions nobody."""
    if isinstance(drawn, list):
        for one in drawn:
            check(one)
    if not isinstance(drawn, dict):
        return
    if drawn.get("type") == "mrkdwn":
        assert len(drawn["text"].encode("utf-16-le")) // 2 <= 3000
        for rest in drawn["text"].split("<")[1:]:
            assert TOKEN.fullmatch(rest.split(">")[0]), drawn["text"]
        assert not re.search(r"@(channel|here|everyone)", drawn["text"]), drawn["text"]
    check(list(drawn.values()))


@given(anything, anything, anything, st.sampled_from(AccountStatus), st.sampled_from(["USD", "JPY", "KWD", "XXX"]))
@example("x", "y", f"https://crm.example/{'&' * 190}", AccountStatus.LEAD, "USD")
@settings(deadline=None, max_examples=40)
def test_a_card_with_anything_in_it_can_be_sent_and_mentions_nobody(
    name: str, text: str, url: str, status: AccountStatus, currency: str
) -> None:
    steps = tuple(
        moved(kind, -(10**15), currency=currency, plan=text, mrr_after_minor=10**15, occurred_at=AT - timedelta(days=9))
        for kind in [*MovementKind, *MovementKind][: account_card.MOST_MOVEMENTS]
    )
    card = AccountCard(
        id="acc_1",
        external_id=text[:255] or "x",
        name=name,
        status=status,
        mrr_minor=-(10**15),
        currency=currency,
        in_base=(10**15, "USD"),
        parts=((10**15, currency), (-(10**15), "USD")) * 20,
        customer_since=AT,
        sales_stage=text,
        plan=text,
        domain=text,
        urls=(url,) * 9,
        movements=steps,
        movement_count=10**6,
        months=tuple((date(2026, month, 1), (-1) ** month * 10**15) for month in range(1, 13)),
        attributes=tuple((f"{text}{n}", value) for n, value in enumerate([text, name, True, 1.5, None] * 60)),
        roles=((text, name),) * 90,
        contacts=((name, text),) * account_card.MOST_CONTACTS,
        contact_count=10**5,
        sources=((name, AT), (text, None)) * 20,
        aliases=(text, name) * 30,
        locale="de_DE",
    )
    shared: Message = draw(AccountMessage(card=card, note=f"{name} shared this", told_at=AT))
    for form in (shared, shared["plainer"]):
        orjson.dumps(form["blocks"])
        validate_blocks(form["blocks"], surface="message")
        check(form["blocks"])
    validate_blocks(blocks(card), surface="modal")
