import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from scheduler.messages.message import Message
from scheduler.messages.movement import Holder, MovementMessage, draw

NBSP = "\u00a0"
AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
TIME = "<!date^1795183320^{time}|14:02 UTC>"
URL = "https://crm.example/northwind?tab=mrr&amp;x=1"
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"
NORTHWIND = MovementMessage(
    account_name="Northwind Traders",
    account_url="https://crm.example/northwind?tab=mrr&x=1",
    kind=MovementKind.EXPANSION,
    amount_minor=42000,
    currency="USD",
    before_minor=120000,
    after_minor=162000,
    plan="Scale",
    description="Scale, 12 → 16 seats",
    attributes=(("Country", "Germany"), ("Segment", "Mid-market"), ("Owner", "Dana Reyes")),
    occurred_at=AT,
    source_name="Stripe",
    destination_name="Every movement",
    channel_id="C0REVENUE",
)


def lines(message: Message) -> list[str]:
    """Read the message from top to bottom."""
    section, context = message["blocks"]
    fields = [field["text"] for field in section.get("fields", [])]
    return [*section["text"]["text"].split("\n"), *fields, *(element["text"] for element in context["elements"])]


def test_an_expansion_reads_as_the_fact_then_its_meaning_then_its_reason() -> None:
    message = draw(NORTHWIND)
    assert message["text"] == "Northwind Traders: expansion +$420 MRR ($1,200 → $1,620)"
    assert lines(message) == [
        f"▲ *<{URL}|Northwind Traders>* — Expansion *+$420 MRR* (▲{NBSP}35{NBSP}%)",
        "$1,200 → *$1,620* · Scale, 12 → 16 seats",
        "*Country*  Germany",
        "*Segment*  Mid-market",
        "*Owner*  Dana Reyes",
        f"{TIME} · Stripe · to <#C0REVENUE> by “Every movement”",
    ]
    assert (message["unfurl_links"], message["unfurl_media"]) == (False, False)
    validate_blocks(message["blocks"], surface="message")


@pytest.mark.parametrize(
    ("change", "text", "first", "second"),
    [
        (
            {"kind": MovementKind.NEW_BUSINESS, "amount_minor": 9900, "before_minor": 0, "after_minor": 9900},
            "Contoso: new business +$99 MRR ($0 → $99)",
            "● *Contoso* — New business *+$99 MRR*",
            "$0 → *$99*",
        ),
        (
            {"kind": MovementKind.CONTRACTION, "amount_minor": -72000, "before_minor": 144000, "after_minor": 72000},
            "Contoso: contraction −$720 MRR ($1,440 → $720)",
            f"▼ *Contoso* — Contraction *−$720 MRR* (▼{NBSP}50{NBSP}%)",
            "$1,440 → *$720*",
        ),
        (
            {"kind": MovementKind.CHURN, "amount_minor": -72050, "before_minor": 72050, "after_minor": 0},
            "Contoso: churn −$720.50 MRR ($720.50 → $0)",
            f"✕ *Contoso* — Churn *−$720.50 MRR* (▼{NBSP}100{NBSP}%)",
            "$720.50 → *$0*",
        ),
        (
            {"kind": MovementKind.REACTIVATION, "amount_minor": 10000, "before_minor": 0, "after_minor": 10000},
            "Contoso: reactivation +$100 MRR ($0 → $100)",
            "↻ *Contoso* — Reactivation *+$100 MRR*",
            "$0 → *$100*",
        ),
        (
            {"amount_minor": 5000, "currency": "JPY", "before_minor": 100000, "after_minor": 105000},
            "Contoso: expansion +¥5,000 MRR (¥100,000 → ¥105,000)",
            f"▲ *Contoso* — Expansion *+¥5,000 MRR* (▲{NBSP}5{NBSP}%)",
            "¥100,000 → *¥105,000*",
        ),
        (
            {"amount_minor": 1500, "currency": "KWD", "before_minor": 1000000, "after_minor": 1001500},
            f"Contoso: expansion +KWD{NBSP}1.500 MRR (KWD{NBSP}1,000 → KWD{NBSP}1,001.500)",
            f"▲ *Contoso* — Expansion *+KWD{NBSP}1.500 MRR* (▲{NBSP}0.2{NBSP}%)",
            f"KWD{NBSP}1,000 → *KWD{NBSP}1,001.500*",
        ),
        (
            {
                "currency": "EUR",
                "amount_minor": 42000,
                "before_minor": 1200000,
                "after_minor": 1242000,
                "locale": "de_DE",
            },
            f"Contoso: expansion +420{NBSP}€ MRR (12.000{NBSP}€ → 12.420{NBSP}€)",
            f"▲ *Contoso* — Expansion *+420{NBSP}€ MRR* (▲{NBSP}3,5{NBSP}%)",
            f"12.000{NBSP}€ → *12.420{NBSP}€*",
        ),
        (
            {"before_minor": None, "after_minor": 162000},
            "Contoso: expansion +$420 MRR (now $1,620)",
            "▲ *Contoso* — Expansion *+$420 MRR*",
            "now *$1,620*",
        ),
        (
            {"before_minor": 120000, "after_minor": None, "plan": "Scale", "plan_before": "Start"},
            "Contoso: expansion +$420 MRR (from $1,200)",
            f"▲ *Contoso* — Expansion *+$420 MRR* (▲{NBSP}35{NBSP}%)",
            "from $1,200 · Start → Scale",
        ),
        (
            {"before_minor": None, "after_minor": None, "plan": "Scale", "description": "12 → 16 seats"},
            "Contoso: expansion +$420 MRR",
            "▲ *Contoso* — Expansion *+$420 MRR*",
            "MRR before and after unknown: import the account's history to see it · Scale · 12 → 16 seats",
        ),
        (
            {
                "count": 2,
                "before_minor": 120000,
                "after_minor": 162000,
                "plan": "Scale",
                "description": "14 → 16 seats",
            },
            "Contoso: expansion +$420 MRR in 2 changes ($1,200 → $1,620)",
            f"▲ *Contoso* — Expansion *+$420 MRR* (▲{NBSP}35{NBSP}%) in 2 changes",
            "$1,200 → *$1,620* · Scale",
        ),
    ],
)
def test_each_kind_and_currency_reads_well(change: dict[str, Any], text: str, first: str, second: str) -> None:
    bare = replace(NORTHWIND, account_name="Contoso", account_url=None, plan=None, description=None, attributes=())
    message = draw(replace(bare, **change))
    assert message["text"] == text
    assert lines(message)[:2] == [first, second]
    validate_blocks(message["blocks"], surface="message")


def test_where_nothing_more_is_known_that_is_said_and_nothing_else() -> None:
    bare = replace(NORTHWIND, before_minor=None, after_minor=None, plan=None, description="  ", attributes=())
    _, unknown, _ = lines(draw(bare))
    assert unknown == "MRR before and after unknown: import the account's history to see it"


def test_whoever_holds_a_role_is_named_and_mentioned_only_where_they_are_to_be() -> None:
    owner, csm = Holder(role="owner", name="Dana <@U0EVE>"), Holder(role="csm", name="Mei Tanaka", user_id="U0MEI")
    nobody = Holder(role="account_executive")
    message = draw(replace(NORTHWIND, attributes=(), holders=(owner, csm, nobody)))
    assert lines(message)[2:-1] == [
        "*Owner*  Dana &lt;@U0EVE&gt;",
        "*CSM*  <@U0MEI>",
        "*Account executive*  nobody is named",
    ]
    assert "U0MEI" not in message["text"]


def test_a_holder_takes_no_attribute_s_place() -> None:
    ten = tuple((f"Key {number}", number) for number in range(10))
    message = draw(replace(NORTHWIND, attributes=ten, holders=(Holder(role="owner", name="Dana Reyes"),)))
    first, second, _ = message["blocks"]
    assert (len(first["fields"]), [one["text"] for one in second["fields"]]) == (10, ["*Owner*  Dana Reyes"])
    validate_blocks(message["blocks"], surface="message")


def test_the_menu_offers_what_can_be_done_about_it() -> None:
    options = draw(NORTHWIND)["blocks"][0]["accessory"]["options"]
    words = ["Account history", "Mute this account…", "Claim", "Why did I get this?"]
    assert [one["text"]["text"] for one in options] == words


def test_what_may_be_a_repeat_says_so_on_the_phone_too() -> None:
    message = draw(replace(NORTHWIND, may_be_repeat=True))
    assert message["text"].endswith(" (may be a repeat)")
    assert lines(message)[-1].endswith("by “Every movement” · may be a repeat: Slack didn't confirm the first one")


def test_one_person_reads_that_it_was_sent_to_them() -> None:
    assert lines(draw(replace(NORTHWIND, channel_id=None)))[-1] == f"{TIME} · Stripe · to you by “Every movement”"


@pytest.mark.parametrize(
    ("recorded", "told", "said"),
    [
        (timedelta(minutes=1), timedelta(minutes=2), TIME),
        (timedelta(hours=20), timedelta(hours=20), MOMENT),
        (timedelta(days=2), timedelta(days=2), f"arrived late: it happened {MOMENT}"),
        (timedelta(minutes=1), timedelta(days=2), f"told late: it happened {MOMENT}"),
    ],
)
def test_what_is_late_says_so_and_whether_its_source_was_or_we_are(
    recorded: timedelta, told: timedelta, said: str
) -> None:
    late = draw(replace(NORTHWIND, recorded_at=AT + recorded, told_at=AT + told))
    assert lines(late)[-1].startswith(f"{said} · Stripe")
    assert late["text"].endswith(" · arrived late") == said.startswith("arrived late")


def test_values_of_attributes_are_written_for_people_and_unknown_ones_left_out() -> None:
    attributes = (
        ("VIP", True),
        ("Trial", False),
        ("Seats", 16),
        ("Score", 3.0),
        ("Rate", 0.5),
        ("None", None),
        ("No", ""),
    )
    assert lines(draw(replace(NORTHWIND, attributes=attributes)))[2:-1] == [
        "*VIP*  Yes",
        "*Trial*  No",
        "*Seats*  16",
        "*Score*  3",
        "*Rate*  0.5",
    ]


def test_ten_attributes_are_shown_and_long_values_cut() -> None:
    message = draw(replace(NORTHWIND, attributes=tuple((f"Key {number}", "x" * 1000) for number in range(12))))
    fields = message["blocks"][0]["fields"]
    assert len(fields) == 10
    assert all(field["text"].endswith("x…") and len(field["text"]) < 320 for field in fields)


def test_an_account_without_a_name_is_not_an_empty_line() -> None:
    assert draw(replace(NORTHWIND, account_name="\u200b"))["text"].startswith("An account without a name: ")


MARKUP = [
    "<!channel>", "<!here|here>", "<@U0ADA>", "<#C0BOARD|board>", "<https://evil.example|free>", "&", "<b>", "*b*",
    "_i_", "```", "> q", "@channel", ":tada:", "שלום", "😀", "e\u0301", "\x00", "\ud800", "\n", "\u202e", "|", ">",
]  # fmt: skip
typed = st.one_of(
    st.lists(st.sampled_from(MARKUP), max_size=6).map("".join),
    st.text(max_size=60),
    st.builds(lambda part, times: part * times, st.sampled_from(MARKUP), st.integers(1, 500)),
)
minor = st.integers(-(10**15), 10**15)
movements = st.builds(
    MovementMessage,
    account_name=typed,
    account_url=st.one_of(st.none(), typed, typed.map("https://crm.example/{}".format)),
    kind=st.sampled_from(MovementKind),
    amount_minor=minor,
    currency=st.one_of(st.sampled_from(["USD", "EUR", "JPY", "KWD", "ZZZ"]), typed),
    before_minor=st.none() | minor,
    after_minor=st.none() | minor,
    plan=st.none() | typed,
    plan_before=st.none() | typed,
    description=st.none() | typed,
    attributes=st.lists(st.tuples(typed, typed | st.booleans() | minor | st.floats()), max_size=12).map(tuple),
    holders=st.lists(
        st.builds(Holder, role=typed, name=st.none() | typed, user_id=st.sampled_from([None, "U0DANA"])), max_size=2
    ).map(tuple),
    occurred_at=st.just(AT),
    recorded_at=st.sampled_from([None, AT, AT + timedelta(days=3)]),
    source_name=typed,
    destination_name=typed,
    channel_id=st.sampled_from(["C0REVENUE", None]),
    locale=st.sampled_from(["en_US", "de_DE", "ja_JP", "he_IL"]),
    may_be_repeat=st.booleans(),
)


def tokens(text: str) -> set[str]:
    """Find what Slack would read as a token, however odd: whatever stands between angle brackets."""
    assert text.count("<") == text.count(">")
    return set(re.findall(r"<([^>]*)>", text))


def texts(part: Any) -> list[str]:
    """Collect every mrkdwn text of a message."""
    if isinstance(part, list):
        return [text for item in part for text in texts(item)]
    if isinstance(part, dict):
        own = [part["text"]] if part.get("type") == "mrkdwn" and part["verbatim"] is True else []
        return own + [text for value in part.values() if isinstance(value, dict | list) for text in texts(value)]
    return []


@given(movements)
@settings(deadline=None, max_examples=100)
def test_no_field_can_mention_anybody_or_break_a_limit(movement: MovementMessage) -> None:
    """Test 38, but for whom the destination wants to be mentioned."""
    message = draw(movement)
    orjson.dumps(message)
    validate_blocks(message["blocks"], surface="message")
    assert tokens(message["text"]) == set()
    wanted = "|".join(f"@{one.user_id}" for one in movement.holders if one.user_id) or "(?!)"
    at = r"!date\^\d+\^[^<>|]+\|(20 Nov 2026 at )?14:02 UTC"
    allowed = re.compile(rf"{at}|#C0REVENUE|{wanted}|(?i:https?)://[^<>\s|]+\|[^<>]*")
    for text in texts(message["blocks"]):
        assert len(text.encode("utf-16-le")) // 2 <= 3000
        assert all(allowed.fullmatch(token) for token in tokens(text)), text
    everything = "\n".join([message["text"], *texts(message["blocks"])])
    assert not re.search(r"@(channel|here|everyone)", re.sub(r"<[^|>]*\|", "", everything))
    assert "\x00" not in everything
    assert "\u202e" not in everything
