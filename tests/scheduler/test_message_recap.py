import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.blocks import validate_blocks
from models.fact import MovementKind
from models.late import Correction, Late
from models.recap import Figures, Sum
from models.schedule import Period, Rhythm
from scheduler.messages import chart
from scheduler.messages.message import Message, payload
from scheduler.messages.recap import LATE, RecapMessage, draw, picture

NBSP = "\u00a0"
SVG = "{http://www.w3.org/2000/svg}"
NEW, UP, DOWN, CHURN, BACK = MovementKind
DUE = datetime(2026, 11, 23, 9, tzinfo=UTC)
NEXT = "next: <!date^1796029200^{date_short} at {time}|30 Nov 2026 at 09:00 UTC>"
USD = Figures(
    currency="USD",
    start_minor=14_817_000,
    sums={
        NEW: Sum(amount_minor=240_000, count=6),
        UP: Sum(amount_minor=311_000, count=14),
        DOWN: Sum(amount_minor=-61_000, count=3),
        CHURN: Sum(amount_minor=-72_000, count=1),
    },
    before_minor=195_000,
    gains=(("Northwind", 42_000), ("Contoso & <Co>", 39_050)),
    losses=(("Initech", -72_000),),
)
EUR = Figures(currency="EUR", start_minor=None, sums={UP: Sum(amount_minor=5_000, count=1)}, gains=(("Müller", 5_000),))
JPY = Figures(currency="JPY", start_minor=700_000)
DOLLARS = Figures(currency="USD", start_minor=1_000)
YEN = Figures(currency="JPY", start_minor=701_400, fx_other_minor=100, is_total=True)
WEEKLY = RecapMessage(
    rhythm=Rhythm.WEEKLY,
    period=Period(date(2026, 11, 16), date(2026, 11, 23)),
    figures=(USD,),
    destination_name="Board weekly",
    channel_id="C0REVENUE",
    due_at=DUE,
    told_at=DUE,
    next_at=DUE + timedelta(days=7),
    picture_urls={currency: f"https://r.io/previews/{currency}.png" for currency in ("USD", "EUR", "JPY", "all")},
)
LIST = "https://r.io/recaps/rcp_1"
DAILY = replace(WEEKLY, rhythm=Rhythm.DAILY, period=Period(date(2026, 11, 17), date(2026, 11, 18)))


def lines(message: Message) -> list[str]:
    """Read the message from top to bottom, as it looks."""
    read = []
    for block in message["blocks"]:
        texts = [block["text"]] if "text" in block else [*block.get("fields", ()), *block.get("elements", ())]
        read += [line for text in texts for line in text["text"].split("\n")]
        read += [f"[{block['title']}]"] if block["type"] == "data_visualization" else []
        read += [" | ".join(cell["text"] for cell in row) for row in block.get("rows", ())]
    return read


def forms(drawn: Message) -> list[Message]:
    """List a message's forms, the plainest last."""
    return [drawn, *(forms(drawn["plainer"]) if "plainer" in drawn else [])]


def test_a_week_reads_as_the_net_then_its_kinds_then_who_moved_it() -> None:
    message = draw(WEEKLY)
    assert message["text"] == "MRR, week of 16 – 22 November: +$4,180 net → $152,350"
    assert lines(message) == [
        "*MRR, week of 16 – 22 November*",
        f"*+$4,180* net (▲{NBSP}2.8{NBSP}%) → *$152,350*",
        "the week before: +$1,950",
        "[MRR change by kind, USD]",
        "USD | MRR | Movements",
        "At the start | $148,170 | –",
        "● New business | +$2,400 | 6",
        "▲ Expansion | +$3,110 | 14",
        "▼ Contraction | −$610 | 3",
        "✕ Churn | −$720 | 1",
        "↻ Reactivation | – | –",
        "Net | +$4,180 | 24",
        "At the end | $152,350 | –",
        "*Largest gains*",
        "+$420  Northwind",
        "+$390.50  Contoso &amp; &lt;Co&gt;",
        "*Largest losses*",
        "−$720  Initech",
        f"to <#C0REVENUE> by “Board weekly” · {NEXT}",
    ]
    validate_blocks(message["blocks"], surface="message")


def test_the_chart_shows_the_five_kinds_in_whole_units() -> None:
    chart = draw(WEEKLY)["blocks"][1]["chart"]
    assert chart["type"] == "bar"
    assert [(point["label"], point["value"]) for point in chart["series"][0]["data"]] == [
        ("New business", 2400.0),
        ("Expansion", 3110.0),
        ("Contraction", -610.0),
        ("Churn", -720.0),
        ("Reactivation", 0.0),
    ]


def test_a_plainer_message_shows_the_same_chart_as_a_picture_that_is_described_in_full() -> None:
    charted = draw(WEEKLY)
    pictured = charted["plainer"]
    shown = pictured["blocks"][1]
    assert (shown["type"], shown["image_url"]) == ("image", "https://r.io/previews/USD.png")
    assert shown["alt_text"] == (
        "MRR change by kind, USD, week of 16 – 22 November: "
        "New business +$2,400, Expansion +$3,110, Contraction −$610, Churn −$720, Reactivation $0"
    )
    assert (pictured["text"], pictured["blocks"][2:]) == (charted["text"], charted["blocks"][2:])
    validate_blocks(pictured["blocks"], surface="message")


def test_where_no_picture_can_be_shown_the_table_stays() -> None:
    charted, _, tabled, _ = forms(draw(WEEKLY))
    assert lines(tabled) == [line for line in lines(charted) if not line.startswith("[")]


def test_in_the_plainest_message_every_word_and_number_is_still_there() -> None:
    charted, *_, words = forms(draw(WEEKLY))
    assert words["text"] == charted["text"]
    assert lines(words)[:11] == [
        *lines(charted)[:3],
        "At the start  *$148,170*",
        "● New business  *+$2,400*  6 movements",
        "▲ Expansion  *+$3,110*  14 movements",
        "▼ Contraction  *−$610*  3 movements",
        "✕ Churn  *−$720*  1 movement",
        "↻ Reactivation  none",
        "Net  *+$4,180*  24 movements",
        "At the end  *$152,350*",
    ]
    assert lines(words)[11:] == lines(charted)[-6:]
    validate_blocks(words["blocks"], surface="message")


def test_slack_is_sent_one_of_the_forms_alone() -> None:
    assert payload(draw(WEEKLY)).keys() == {"text", "blocks", "unfurl_links", "unfurl_media"}


@pytest.mark.parametrize("locale", ["en_US", "de_DE"])
def test_the_picture_says_what_the_chart_says(locale: str) -> None:
    drawn = picture(USD, rhythm=Rhythm.WEEKLY, period=WEEKLY.period, locale=locale)
    words = [one.text for one in ET.fromstring(drawn).iter(f"{SVG}text")]
    assert words[:2] == ["MRR change by kind, USD", "Week of 16 – 22 November"]
    assert words[2::2] == ["New business", "Expansion", "Contraction", "Churn", "Reactivation"]
    if locale == "en_US":
        assert words[3::2] == ["+$2,400", "+$3,110", "−$610", "−$720", "$0"]
    else:
        assert words[3] == f"+2.400{NBSP}$"


def test_the_picture_lies_on_paper_of_its_own() -> None:
    """Slack's background is dark for some."""
    drawn = ET.fromstring(picture(USD, rhythm=Rhythm.DAILY, period=DAILY.period, locale="en_US"))
    paper = next(drawn.iter(f"{SVG}rect"))
    assert (paper.get("fill"), paper.get("width"), paper.get("height")) == (
        chart.PAPER,
        drawn.get("width"),
        drawn.get("height"),
    )


@pytest.mark.parametrize(
    ("rhythm", "first", "end", "name"),
    [
        (Rhythm.DAILY, date(2026, 11, 17), date(2026, 11, 18), "Tuesday 17 November"),
        (Rhythm.WEEKLY, date(2026, 11, 30), date(2026, 12, 7), "week of 30 November – 6 December"),
        (Rhythm.WEEKLY, date(2026, 12, 28), date(2027, 1, 4), "week of 28 December – 3 January"),
        (Rhythm.MONTHLY, date(2026, 11, 1), date(2026, 12, 1), "November 2026"),
    ],
)
def test_a_period_has_a_name(rhythm: Rhythm, first: date, end: date, name: str) -> None:
    message = draw(replace(WEEKLY, rhythm=rhythm, period=Period(first, end)))
    assert message["text"] == f"MRR, {name}: +$4,180 net → $152,350"


def test_currencies_stand_below_each_other_and_an_unknown_start_is_said() -> None:
    message = draw(replace(DAILY, figures=(USD, EUR, JPY)))
    assert message["text"] == "MRR, Tuesday 17 November: +$4,180 net → $152,350, +€50 net"
    read = lines(message)
    assert read[4:6] == ["MRR (movements) | USD | EUR", "At the start | $148,170 | unknown"]
    start = read.index("*+€50* net")
    assert read[start : start + 3] == [
        "*+€50* net",
        "Starting MRR unknown: import the history before this, and the next recap says it.",
        "[MRR change by kind, EUR]",
    ]
    assert read[-3:-1] == ["+€50  Müller", "*Unchanged*  ¥700,000"]
    validate_blocks(message["blocks"], surface="message")


TOTAL = Figures(
    currency="USD",
    start_minor=14_817_000,
    sums={UP: Sum(amount_minor=416_000, count=20), CHURN: Sum(amount_minor=-72_000, count=1)},
    is_total=True,
    fx_other_minor=3_000,
)


def test_a_total_comes_first_and_says_what_rates_did() -> None:
    message = draw(replace(DAILY, figures=(TOTAL, USD, EUR, JPY)))
    assert message["text"] == "MRR, Tuesday 17 November: +$3,470 net → $151,640"
    read = lines(message)
    assert read[:14] == [
        "*MRR, Tuesday 17 November*",
        "All currencies together in USD, by the rates of their days",
        f"*+$3,470* net (▲{NBSP}2.3{NBSP}%) → *$151,640*",
        "[MRR change by kind, all in USD]",
        "MRR (movements) | All in USD | USD | EUR",
        "At the start | $148,170 | $148,170 | unknown",
        "● New business | – | +$2,400 (6) | –",
        "▲ Expansion | +$4,160 (20) | +$3,110 (14) | +€50 (1)",
        "▼ Contraction | – | −$610 (3) | –",
        "✕ Churn | −$720 (1) | −$720 (1) | –",
        "↻ Reactivation | – | – | –",
        "FX/other | +$30 | – | –",
        "Net | +$3,470 (21) | +$4,180 (24) | +€50 (1)",
        "At the end | $151,640 | $152,350 | unknown",
    ]
    assert [line for line in read if "alone" in line] == ["In USD alone", "In EUR alone"]
    assert [line for line in read if line.startswith("[")] == ["[MRR change by kind, all in USD]"]
    assert "FX/other  *+$30*" in lines(forms(message)[-1])
    assert "In EUR alone" in read
    pictured = message["plainer"]["blocks"][1]
    assert pictured["alt_text"].endswith("Churn −$720, Reactivation $0, FX/other +$30")
    assert message["blocks"][1]["chart"]["series"][0]["data"][-1] == {"label": "FX/other", "value": 30.0}
    drawn = picture(TOTAL, rhythm=Rhythm.DAILY, period=DAILY.period, locale="en_US")
    assert [one.text for one in ET.fromstring(drawn).iter(f"{SVG}text")][-2:] == ["FX/other", "+$30"]
    still = draw(replace(DAILY, figures=(replace(TOTAL, fx_other_minor=0), USD)))
    assert "FX/other | – | –" in lines(still)

    assert "FX/other  none" in lines(forms(still)[-1])
    validate_blocks(message["blocks"], surface="message")


def test_beyond_six_currencies_only_the_net_is_told() -> None:
    figures = tuple(replace(EUR, currency=code) for code in ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN"))
    message = draw(replace(DAILY, figures=figures))
    assert lines(message)[-2] == f"*Also*  +DKK{NBSP}50 net and +PLN{NBSP}50 net"
    assert sum(block["type"] == "data_visualization" for block in message["blocks"]) == 2
    validate_blocks(message["blocks"], surface="message")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"figures": (replace(JPY, currency="USD", start_minor=15_190_000),)}, "No MRR movements on Tuesday 17 November. MRR stays at $151,900."),  # noqa: E501
        ({"figures": (JPY, replace(JPY, currency="EUR"))}, "No MRR movements on Tuesday 17 November. MRR stays at ¥700,000 and €7,000."),  # noqa: E501
        ({"figures": (YEN, JPY, DOLLARS)}, "No MRR movements on Tuesday 17 November. MRR stays at ¥700,000 and $10: ¥701,500 in all, by the rates of that day."),  # noqa: E501
        ({"figures": (YEN, JPY, DOLLARS), "rhythm": Rhythm.WEEKLY, "period": WEEKLY.period}, "No MRR movements in the week of 16 – 22 November. MRR stays at ¥700,000 and $10: ¥701,500 in all, by the rates of the last day."),  # noqa: E501
        ({"figures": ()}, "No MRR movements on Tuesday 17 November."),
        ({"figures": (replace(JPY, start_minor=None),)}, "No MRR movements on Tuesday 17 November. What MRR stays at is unknown: import the history before this, and the next recap says it."),  # noqa: E501
        ({"figures": (), "rhythm": Rhythm.WEEKLY, "period": WEEKLY.period}, "No MRR movements in the week of 16 – 22 November."),  # noqa: E501
        ({"figures": (), "rhythm": Rhythm.MONTHLY, "period": Period(date(2026, 11, 1), date(2026, 12, 1))}, "No MRR movements in November 2026."),  # noqa: E501
    ],
)  # fmt: skip
def test_a_period_in_which_nothing_happened_says_so(changes: dict[str, Any], text: str) -> None:
    message = draw(replace(DAILY, **changes))
    assert message["text"] == text
    assert lines(message)[0].replace("*", "") == text
    validate_blocks(message["blocks"], surface="message")


def test_movements_that_cancel_out_are_movements() -> None:
    both = {NEW: Sum(amount_minor=100, count=1), CHURN: Sum(amount_minor=-100, count=1)}
    message = draw(replace(DAILY, figures=(Figures(currency="USD", start_minor=0, sums=both),)))
    assert message["text"] == "MRR, Tuesday 17 November: $0 net → $0"
    assert lines(message)[1] == "*$0* net → *$0*"


def test_the_list_stands_behind_a_button_and_behind_those_that_are_not_named() -> None:
    more = replace(USD, more_gains=1_204, more_losses=1)
    message = draw(replace(WEEKLY, figures=(more,), list_url=LIST))
    *_, figures, press, _ = message["blocks"]
    by_size = f"{LIST}?by=size#movements"
    assert [one["text"] for one in figures["fields"]] == [
        f"*Largest gains*\n+$420  Northwind\n+$390.50  Contoso &amp; &lt;Co&gt;\n<{by_size}|1,204 more>",
        f"*Largest losses*\n−$720  Initech\n<{by_size}|1 more>",
    ]
    [button] = press["elements"]
    assert (button["text"]["text"], button["url"]) == ("Open the full list", LIST)
    validate_blocks(message["blocks"], surface="message")
    unlisted = draw(replace(WEEKLY, figures=(more,)))
    assert lines(unlisted)[-3:-1] == ["−$720  Initech", "1 more"]


@pytest.mark.parametrize(
    ("rhythm", "days_before", "late", "sentence"),
    [
        (Rhythm.WEEKLY, 7, Late(count=2, nets={"USD": 18_000}, is_just_before=True), "2 movements (+$180) arrived late and belong to the week before."),  # noqa: E501
        (Rhythm.DAILY, 1, Late(count=1, nets={"USD": -500}, is_just_before=True), "1 movement (−$5) arrived late and belongs to the day before."),  # noqa: E501
        (Rhythm.DAILY, 3, Late(count=1_000, nets={"USD": 0, "EUR": 100}, is_just_before=True), "1,000 movements ($0 and +€1) arrived late and belong to the days before."),  # noqa: E501
        (Rhythm.MONTHLY, 31, Late(count=2, nets={"JPY": 7}, is_just_before=False), "2 movements (+¥7) arrived late and belong to earlier months."),  # noqa: E501
    ],
)  # fmt: skip
@pytest.mark.parametrize("figures", [(USD,), ()])
def test_what_arrived_late_is_told_whether_or_not_anything_else_happened(
    rhythm: Rhythm, days_before: int, late: Late, sentence: str, figures: tuple[Figures, ...]
) -> None:
    message = draw(replace(WEEKLY, rhythm=rhythm, days_before=days_before, late=late, figures=figures))
    assert lines(message)[-2] == sentence


def test_where_the_earlier_recap_was_corrected_the_line_says_so() -> None:
    late = Late(count=2, nets={"USD": 18_000}, is_just_before=True, is_corrected=True)
    sentence = "2 movements (+$180) arrived late and belong to the week before; that recap was corrected."
    assert lines(draw(replace(WEEKLY, late=late)))[-2] == sentence
    older = replace(late, is_just_before=False)
    sentence = "2 movements (+$180) arrived late and belong to earlier weeks; the recaps of those were corrected."
    assert lines(draw(replace(WEEKLY, late=older)))[-2] == sentence


@pytest.mark.parametrize("figures", [(USD,), ()])
def test_a_corrected_recap_says_when_and_why(figures: tuple[Figures, ...]) -> None:
    late, one = Late(count=2, nets={"USD": 18_000, "EUR": -100}), Late(count=1, nets={"USD": -1_000})
    told = Correction(at=DUE, late=late, restated=one)
    on = "*Corrected* on <!date^1795424400^{date_short}|23 Nov 2026>"
    sentence = f"{on}: 2 movements (+$180 and −€1) arrived late and 1 movement (−$10) was restated."
    drawn = draw(replace(WEEKLY, correction=told, figures=figures))
    assert lines(drawn)[-2] == sentence
    validate_blocks(drawn["blocks"], surface="message")


def test_who_asked_for_it_stands_below_it() -> None:
    read = lines(draw(replace(WEEKLY, note="*Ada* asked for this now")))
    assert read[-1].startswith("∗Ada∗ asked for this now · to <#C0REVENUE> by “Board weekly” · next: ")


def test_a_year_ago_stands_beside_the_week_before() -> None:
    message = draw(replace(WEEKLY, days_before=7, figures=(replace(USD, year_ago_minor=302_000),)))
    assert lines(message)[2] == "the week before: +$1,950 · a year ago: +$3,020"


def test_the_first_recap_after_a_weekend_names_all_its_days() -> None:
    weekend = Period(date(2026, 11, 20), date(2026, 11, 23))
    daily = replace(WEEKLY, rhythm=Rhythm.DAILY, period=weekend, days_before=3)
    assert draw(daily)["text"].startswith("MRR, Friday 20 November to Sunday 22 November: ")
    assert lines(draw(daily))[2].startswith("the days before: ")
    nothing = draw(replace(daily, figures=()))
    assert nothing["text"] == "No MRR movements from Friday 20 November to Sunday 22 November."


@pytest.mark.parametrize("is_late", [False, True])
def test_a_late_recap_says_when_it_was_due(is_late: bool) -> None:
    message = draw(replace(WEEKLY, told_at=DUE + LATE + timedelta(seconds=is_late)))
    due = "late: due <!date^1795424400^{date_short_pretty} at {time}|23 Nov 2026 at 09:00 UTC>"
    assert message["text"].endswith(" (late)") == is_late
    assert (due in lines(message)[-1]) == is_late


def test_a_repeat_says_so() -> None:
    message = draw(replace(WEEKLY, may_be_repeat=True))
    assert message["text"].endswith(" (may be a repeat)")
    assert lines(message)[-1].endswith("may be a repeat: Slack didn't confirm the first one")


def test_amounts_follow_the_locale() -> None:
    message = draw(replace(WEEKLY, locale="de_DE", figures=(replace(USD, more_gains=1_204),)))
    assert message["text"] == f"MRR, week of 16 – 22 November: +4.180{NBSP}$ net → 152.350{NBSP}$"
    assert "1.204 more" in lines(message)


@given(
    st.integers(0, 10**15),
    st.dictionaries(st.sampled_from(MovementKind), st.integers(-(10**15), 10**15)),
    st.integers(-(10**12), 10**12),
)
@settings(deadline=None, max_examples=50)
def test_the_table_adds_up_from_the_start_to_the_end(start: int, amounts: dict[MovementKind, int], fx: int) -> None:
    sums = {kind: Sum(amount_minor=amount, count=1) for kind, amount in amounts.items()}
    told = Figures(currency="JPY", start_minor=start, sums=sums, is_total=True, fx_other_minor=fx)
    if not sums:
        return
    _, *rows = next(block for block in draw(replace(DAILY, figures=(told,)))["blocks"] if "rows" in block)["rows"]
    read = [
        int(re.sub(r"[^\d-]", "", row[1]["text"].replace("−", "-")) or 0) if row[1]["text"] != "–" else 0
        for row in rows
    ]
    *steps, net, end = read
    assert sum(steps) == end
    assert sum(steps[1:]) == net


anything = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["<!channel>", "*a*", "`", "שלום " * 60, "👩‍👩‍👧‍👦" * 60, "&" * 400, "\u202e", "@here", ":tada:", " "]
    ),
)
amounts = st.integers(-(10**18), 10**18)
accounts = st.lists(st.tuples(anything, amounts), max_size=5).map(tuple)
figures = st.builds(
    Figures,
    currency=st.sampled_from(["USD", "EUR", "JPY", "KWD", "XXX", "CLF"]),
    start_minor=amounts | st.none(),
    sums=st.dictionaries(
        st.sampled_from(MovementKind), st.builds(Sum, amount_minor=amounts, count=st.integers(0, 10**9))
    ),
    before_minor=amounts | st.none(),
    gains=accounts,
    losses=accounts,
    is_total=st.booleans(),
    fx_other_minor=amounts,
    year_ago_minor=amounts | st.none(),
    more_gains=st.integers(0, 10**9),
    more_losses=st.integers(0, 10**9),
)
nets = st.dictionaries(st.sampled_from(["USD", "EUR", "JPY", "XXX"]), amounts, min_size=1)
lates = st.builds(Late, count=st.integers(1, 10**9), nets=nets, is_just_before=st.booleans())


@given(
    st.lists(figures, max_size=40).map(tuple),
    anything,
    st.sampled_from(Rhythm),
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.sampled_from(["en_US", "de_DE", "ar_EG", "xx"]),
    st.booleans(),
    lates | st.none(),
)
@settings(deadline=None, max_examples=150)
def test_whatever_happened_slack_takes_the_message(
    told: tuple[Figures, ...], name: str, rhythm: Rhythm, first: date, locale: str, odd: bool, late: Late | None
) -> None:
    drawn = draw(
        replace(
            WEEKLY,
            rhythm=rhythm,
            period=Period(first, first + timedelta(days=7)),
            figures=told,
            picture_urls={one.name: f"https://r.io/{place}.png" for place, one in enumerate(told)},
            destination_name=name,
            channel_id=None if odd else "C0REVENUE",
            next_at=None if odd else DUE,
            told_at=DUE + timedelta(days=odd),
            may_be_repeat=odd,
            locale=locale,
            late=late,
            list_url=LIST if odd else None,
        )
    )
    for form in forms(drawn):
        validate_blocks(form["blocks"], surface="message")
    orjson.dumps(drawn)
    assert drawn["text"].strip()
    assert len(drawn["text"]) < 4000
    assert "<!channel" not in str(drawn)
    assert len(forms(drawn)) == (4 if any(one.count for one in told) else 1)


def test_nothing_invisible_stands_in_an_amount_that_somebody_may_copy() -> None:
    assert "\u2060" not in str(draw(WEEKLY))


def test_a_sign_begins_its_line_so_that_none_is_parted_from_its_amount() -> None:
    *_, largest, _ = draw(WEEKLY)["blocks"]
    assert [line for field in largest["fields"] for line in field["text"].split("\n") if line[0] in "+−"] == [
        "+$420  Northwind",
        "+$390.50  Contoso &amp; &lt;Co&gt;",
        "−$720  Initech",
    ]
