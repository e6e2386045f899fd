import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from bot.sandbox.blocks import validate_view
from bot.sandbox.elements import placed_in, starting
from handlers.views import destination_answers as answers
from handlers.views import destination_filter as choices
from handlers.views import destination_form as forms
from handlers.views import destinations as rows
from handlers.views.destination_answers import CALLBACKS, Behind, DestinationForm, Field
from handlers.views.destination_form import Offer
from models.condition import About, Condition, Criterion, criterion
from models.fact import MovementKind
from models.filter import EVERYTHING, Forecast
from models.schedule import Period
from models.wish import FieldError, Frequency

KNOWN = ("country", "employee_count", "employeeCount", "Segment")
OPEN = DestinationForm(shows_more=True)
OWNER = Condition(Criterion(About.ROLE, "owner"), ("dana@acme.com", "ada@acme.com"))
COUNTRY = Condition(Criterion(About.ATTRIBUTE, "country"), ("Germany", "*France*"))
HOLDERS = {"dana@acme.com": "Dana Reyes"}
FILLED = DestinationForm(
    name="*Every* <movement> & more",
    channel_ids=("C0REVENUE", "C0DEALS"),
    kinds=(MovementKind.NEW_BUSINESS, MovementKind.CHURN),
    least_gain="1,000",
    least_loss="five",
    conditions=(OWNER, None, COUNTRY),
    attribute_keys=("employee_count", "gone"),
    outsiders_confirmed=answers.mark_of(["C0PARTNERS"]),
    shows_more=True,
)


def submitted(view: dict[str, Any], choices: dict[str, Any] | None = None) -> dict[str, Any]:
    """Fill a form as Slack's own client would: what isn't chosen stays as it was drawn."""
    values = starting(view["blocks"])
    for placed in placed_in(view["blocks"]):
        if choices and placed.label in choices:
            values[placed.block_id][placed.action_id] = placed.choose(choices[placed.label])
    return {**view, "state": {"values": values}}


def test_a_new_destination_is_named_and_given_channels() -> None:
    view = forms.form(DestinationForm(), Offer(attributes=KNOWN))
    validate_view(view)
    assert (view["title"]["text"], view["submit"]["text"], view["callback_id"]) == (
        "New destination",
        "Save",
        CALLBACKS.save,
    )
    first = ["Name", "Frequency", "Channels", "People", "More options", "Send me this", "Test"]
    assert [placed.label for placed in placed_in(view["blocks"])] == first
    choices = {"Name": "  Every\nmovement ", "Channels": ["C0REVENUE"]}
    assert answers.read(submitted(view, choices)) == DestinationForm(name="Every movement", channel_ids=("C0REVENUE",))
    assert answers.read_behind(view) == Behind()


def test_what_few_people_need_stands_behind_a_button() -> None:
    labels = [placed.label for placed in placed_in(forms.form(OPEN, Offer(attributes=KNOWN))["blocks"])]
    assert labels[4:-2] == [
        "Movements",
        "Minimum gain",
        "Minimum loss",
        "Only accounts where",
        "Attributes to show",
        "Changes of one account",
        "Mention",
        "Numbers and money",
    ]
    assert "More options" not in labels
    weekly = replace(OPEN, frequency=Frequency.WEEKLY)
    labels = [placed.label for placed in placed_in(forms.form(weekly, Offer())["blocks"])]
    assert labels[7:-2] == ["Business days", "Holidays", "When nothing moved", "Numbers and money"]


@pytest.mark.parametrize(
    ("changes", "is_of_recaps"),
    [
        ({"least_gain": "5"}, False),
        ({"mentions": "owner"}, False),
        ({"group_minutes": 5}, False),
        ({"has_threads": True}, False),
        ({"attribute_keys": ("country",)}, False),
        ({"tells_empty": False}, True),
        ({"is_business": True}, True),
    ],
)
def test_the_button_is_not_needed_where_something_behind_it_is_chosen(
    changes: dict[str, Any], *, is_of_recaps: bool
) -> None:
    real_time = replace(DestinationForm(), **changes)
    assert real_time.uses_more is not is_of_recaps
    assert replace(real_time, frequency=Frequency.DAILY).uses_more is is_of_recaps
    assert replace(real_time, locale="de_DE").uses_more


@pytest.mark.parametrize(
    "changes",
    [
        {"group_minutes": 5, "mentions": "owner", "locale": "de_DE"},
        {"has_threads": True, "mentions": "partner manager", "locale": "gsw_CH"},
        {"group_minutes": 7},
    ],
)
def test_how_movements_are_told_is_read_back_whatever_was_stored(changes: dict[str, Any]) -> None:
    form = replace(OPEN, **changes)
    view = forms.form(form, Offer(roles=("owner", "ae")))
    validate_view(view)
    assert answers.read(submitted(view)) == form


def test_ways_to_write_money_are_shown_by_a_sample_and_found_by_both_their_names() -> None:
    view = forms.form(replace(OPEN, locale="gsw_CH"), Offer(locale="de_DE", currency="EUR"))
    [element] = [one.element for one in placed_in(view["blocks"]) if one.label == "Numbers and money"]
    words = [one["text"]["text"] for one in element["options"]]
    assert words[0] == "As the workspace: 1.234,50 €"
    assert {"French (France): 1 234,50 € · français (France)", "English (Ireland): €1,234.50"} <= set(words)
    assert "Swiss German (Switzerland): 1’234.50 € · Schwiizertüütsch (Schwiiz)" in words
    assert words[1:] == sorted(words[1:])
    assert len(words) == len(set(words)) <= 100


@pytest.mark.parametrize("frequency", [Frequency.DAILY, Frequency.WEEKLY, Frequency.MONTHLY])
def test_a_recap_asks_for_its_time_and_shows_no_attributes(frequency: Frequency) -> None:
    own_day: dict[Frequency, dict[str, Any]] = {Frequency.WEEKLY: {"weekday": 3}, Frequency.MONTHLY: {"month_day": 31}}
    days = {"is_business": True, "country": "Germany", **own_day.get(frequency, {})}
    filled_in = replace(FILLED, frequency=frequency, at="18:30", zone="Europe/Berlin", **days)
    view = forms.form(filled_in, Offer(attributes=KNOWN), outside_channel_ids=("C0PARTNERS",))
    validate_view(view)
    labels = [placed.label for placed in placed_in(view["blocks"])]
    day = ["Day"] if frequency in own_day else []
    more = ["Business days", "Holidays", "When nothing moved", "Numbers and money", "Send me this", "Test"]
    assert labels == ["Name", "Frequency", *day, "Time", "Time zone", "Channels", "Other companies", "People", *more]
    assert answers.read(submitted(view), otherwise=FILLED) == filled_in
    nothing_else = {"attribute_keys": (), "kinds": EVERYTHING.kinds, "least_gain": "", "least_loss": ""}
    nothing_else["conditions"] = ()
    assert answers.read(submitted(view)) == replace(filled_in, **nothing_else)


def test_a_recap_says_when_the_first_one_is_due_and_of_which_days() -> None:
    first = (datetime(2026, 11, 23, 9, tzinfo=UTC), Period(date(2026, 11, 16), date(2026, 11, 23)))
    view = forms.form(DestinationForm(frequency=Frequency.WEEKLY), Offer(first_recap=first))
    validate_view(view)
    assert "tells of the *week of 16 – 22 November*" in str(view["blocks"])


@pytest.mark.parametrize(
    ("forecast", "channels", "said"),
    [
        (Forecast(told=42, happened=42), 1, "*42 messages*."),
        (Forecast(told=1, happened=1118), 1, "*1 message*, of 1,118 movements."),
        (Forecast(told=3, happened=7, has_share=True), 1, "*3 messages*, of 7 movements, by today's total MRR."),
        (
            Forecast(told=7, happened=7, has_share=True, unknown=("EUR",)),
            1,
            "*7 messages*, by today's total MRR. The total MRR in EUR isn't known: the amount alone counts there.",
        ),
        (Forecast(told=0, happened=7), 2, "*0 messages* in each channel, of 7 movements."),
    ],
)
def test_the_forecast_says_how_many_messages_there_would_have_been(
    forecast: Forecast, channels: int, said: str
) -> None:
    form = DestinationForm(channel_ids=("C0REVENUE", "C0DEALS")[:channels])
    view = forms.form(form, Offer(forecast=forecast))
    validate_view(view)
    assert f"In the last 30 days this would have been {said}" in str(view["blocks"])


def test_what_the_form_starts_with_is_what_it_reads_back() -> None:
    view = forms.form(FILLED, Offer(attributes=KNOWN), behind=Behind("dst_1"), outside_channel_ids=("C0PARTNERS",))
    validate_view(view)
    assert view["title"]["text"] == "Edit destination"
    assert answers.read_behind(view) == Behind("dst_1")
    assert answers.read(submitted(view)) == FILLED


def test_each_condition_that_is_chosen_asks_for_its_values_and_offers_another() -> None:
    labels = [
        [placed.label for placed in placed_in(forms.form(form, Offer())["blocks"])][7:-5]
        for form in (replace(OPEN, conditions=(COUNTRY,)), replace(FILLED, attribute_keys=()))
    ]
    assert labels == [
        ["Only accounts where", "Country is", "And where"],
        ["Only accounts where", "Owner is", "And where", "And where", "Country is"],
    ]
    chosen = placed_in(forms.form(FILLED, Offer(holders=HOLDERS))["blocks"])
    offered = {one.label: one.element.get("initial_options") for one in chosen}["Owner is"]
    assert [one["text"]["text"] for one in offered] == ["Dana Reyes", "ada@acme.com"]


def test_a_condition_is_taken_back_by_any_account() -> None:
    view = submitted(forms.form(FILLED, Offer(attributes=KNOWN)))
    [back] = choices.offered_criteria([], "any")[:1]
    view["state"]["values"][Field.CONDITION_1.block_id]["destination_criterion"]["selected_option"] = back
    assert answers.read(view).conditions == (None, None, COUNTRY)
    view["state"]["values"][Field.CONDITION_3.block_id]["destination_criterion"]["selected_option"] = back
    assert answers.read(view).conditions == ()


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("currency", Criterion(About.CURRENCY)),
        ("role:owner", Criterion(About.ROLE, "owner")),
        ("attribute:a: b", Criterion(About.ATTRIBUTE, "a: b")),
        *((bad, None) for bad in ("", "any", "role", "role:", "plan:x", "salary:x", ":owner", "Currency")),
    ],
)
def test_what_the_form_never_offered_is_no_criterion(key: str, found: Criterion | None) -> None:
    assert criterion(key) == found
    assert found is None or found.key == key


def test_criteria_are_offered_by_their_names_in_words() -> None:
    about = [("currency", ""), ("plan", ""), ("role", "owner"), ("attribute", "country"), ("attribute", "plan")]
    criteria = [Criterion(About(one), name) for one, name in [*about, ("attribute", "😀" * 76)]]
    offered = [(one["text"]["text"], one["value"]) for one in choices.offered_criteria(criteria, "")]
    assert offered == [
        ("Any account", "any"),
        ("Currency", "currency"),
        ("plan", "plan"),
        ("Owner", "role:owner"),
        ("Country", "attribute:country"),
        ("attribute:plan", "attribute:plan"),
    ]
    assert [one["value"] for one in choices.offered_criteria(criteria, " COUN")] == ["any", "attribute:country"]


@pytest.mark.parametrize(
    ("key", "typed", "offered"),
    [
        ("attribute:country", "", ["France", "Germany"]),
        ("attribute:country", "germ", ["Germany", "germ"]),
        ("attribute:country", "Germany", ["Germany"]),
        ("attribute:country", "x" * 151, []),
        ("role:owner", "Dana", []),
        ("role:owner", "Dana@acme.com", ["dana@acme.com"]),
        ("currency", "eur", ["EUR"]),
        ("currency", "euro", []),
        ("plan", "<!channel>\n\0", ["<!channel>"]),
    ],
)
def test_known_values_are_offered_and_then_what_was_typed(key: str, typed: str, offered: list[str]) -> None:
    of = criterion(key)
    assert of is not None
    known = {"France": "France", "Germany": "Germany"} if of.name == "country" else {}
    options = choices.offered_values(of, known, typed)
    assert [one["value"] for one in options] == offered


def test_the_visitor_s_own_zone_is_named_under_the_field() -> None:
    form = DestinationForm(frequency=Frequency.DAILY)
    for own_zone, said in (("Europe/Berlin", True), (None, False)):
        view = forms.form(form, Offer(own_zone=own_zone))
        validate_view(view)
        assert ("there at midnight. Type “mine” for Europe/Berlin." in str(view["blocks"])) is said


def test_a_form_of_nothing_reads_as_empty() -> None:
    assert answers.read({}) == DestinationForm()


def test_attributes_are_named_in_words_unless_two_would_read_the_same() -> None:
    words = [option["text"]["text"] for option in choices.offered_attributes(KNOWN, "")]
    assert words == ["Country", "employee_count", "employeeCount", "Segment"]
    assert [option["value"] for option in choices.offered_attributes(KNOWN, "employee c")] == []
    assert [option["value"] for option in choices.offered_attributes(KNOWN, " COUN")] == [
        "country",
        "employee_count",
        "employeeCount",
    ]


def test_of_a_thousand_attributes_the_chosen_ones_stay_and_each_is_found() -> None:
    known = [f"key {number:03}" for number in range(1000)] + ["x" * 151, "😀" * 76, ""]
    view = forms.form(replace(OPEN, attribute_keys=("key 999", "😀" * 76)), Offer(attributes=known))
    validate_view(view)
    [element] = [one.element for one in placed_in(view["blocks"]) if one.label == "Attributes to show"]
    assert [option["value"] for option in element["initial_options"]] == ["key 999"]
    assert len(choices.offered_attributes(known, "")) == 100
    assert [option["value"] for option in choices.offered_attributes(known, "KEY 998")] == ["key 998"]
    assert choices.offered_attributes(known, "😀") == choices.offered_attributes(known, "xx") == []


def test_without_any_attribute_a_calm_line_stands_in_the_fields_place() -> None:
    view = forms.form(OPEN, Offer())
    validate_view(view)
    assert "*Attributes to show*: none yet. They can be chosen here once a source has sent some." in str(view)
    assert answers.read(submitted(view)).attribute_keys == ()


def test_channels_of_several_companies_ask_for_a_confirmation_of_just_these() -> None:
    partners = forms.form(replace(FILLED, outsiders_confirmed=""), Offer(), outside_channel_ids=("C0PARTNERS",))
    validate_view(partners)
    assert partners["blocks"][3]["text"]["text"] == (
        "People of other companies read along in <#C0PARTNERS> (Slack Connect). They would see every amount."
    )
    assert not answers.read(submitted(partners)).outsiders_confirmed
    yes = {"Other companies": ["Let people of other companies read our MRR there"]}
    confirmed = answers.read(submitted(partners, yes))
    assert confirmed.outsiders_confirmed == answers.asked_outsiders(partners) == answers.mark_of(["C0PARTNERS"])
    with_another = forms.form(confirmed, Offer(), outside_channel_ids=("C0PARTNERS", "C0CLIENTS"))
    assert not answers.read(submitted(with_another)).outsiders_confirmed


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ("name", "Name"),
        ("recipients", "Channels"),
        ("attributes", "Attributes to show"),
        ("frequency", "Frequency"),
        ("condition_1", "Only accounts where"),
        ("condition_3", "And where"),
        ("something else", "Name"),
    ],
)
def test_a_refusal_stands_under_its_field(field: str, label: str) -> None:
    view = forms.form(FILLED, Offer(attributes=KNOWN), outside_channel_ids=("C0PARTNERS",))
    blocks = {placed.block_id: placed.label for placed in placed_in(view["blocks"])}
    errors = answers.errors({field: "No."})
    assert {blocks[block_id]: text for block_id, text in errors.items()} == {label: "No."}


def test_drawn_again_the_form_keeps_its_names_so_that_slack_keeps_what_was_typed() -> None:
    before = starting(forms.form(OPEN, Offer(attributes=KNOWN))["blocks"])
    after = starting(forms.form(FILLED, Offer(attributes=KNOWN), outside_channel_ids=("C0PARTNERS",))["blocks"])
    assert {block: set(elements) for block, elements in before.items()}.items() <= {
        block: set(elements) for block, elements in after.items()
    }.items()
    assert set(after) - set(before) == {
        answers.outsiders_block(FILLED.outsiders_confirmed),
        "destination_condition_1 role:owner",
        Field.CONDITION_2.block_id,
        Field.CONDITION_3.block_id,
        "destination_condition_3 attribute:country",
    }


@pytest.mark.parametrize(
    ("count", "where"),
    [(1, "the private channel that you chose"), (2, "2 of these channels, which are private,")],
)
def test_a_private_channel_without_the_bot_says_exactly_what_to_type(count: int, where: str) -> None:
    assert forms.not_invited(count) == (
        f"I'm not in {where} yet. Type @Runrate there and press “Invite Them”, then save again."
    )


def test_a_button_can_carry_a_channel_into_the_form() -> None:
    assert answers.read_new(rows.new_button()) == DestinationForm()
    assert answers.read_new(rows.new_button(channel_id="C0DEALS")).channel_ids == ("C0DEALS",)


def test_what_stands_behind_a_form_comes_back_with_it() -> None:
    for behind in (Behind("dst_1", "m4rk", "drf_1"), Behind("dst_1", "m4rk"), Behind(None, "", "drf_1"), Behind()):
        assert answers.read_behind(forms.form(DestinationForm(), Offer(), behind=behind)) == behind
    assert answers.read_behind({"private_metadata": "a|b|c|d"}) == Behind("a", "b", "c")


def test_a_form_is_told_from_what_it_became_since() -> None:
    assert FILLED.mark == replace(FILLED).mark != replace(FILLED, weekday=3).mark


def test_answers_that_are_not_asked_for_are_kept_as_json() -> None:
    kept = answers.as_kept(FILLED)
    assert answers.from_kept(json.loads(json.dumps(kept))) == FILLED


def test_what_cannot_be_shown_yet_is_said_by_its_field() -> None:
    view = forms.form(FILLED, Offer(), refused=FieldError("least_loss", "Write an *amount*."))
    validate_view(view)
    assert view["blocks"][-2]["text"]["text"] == "*Nothing was sent.* Minimum loss: Write an ∗amount∗."


@pytest.mark.parametrize(
    ("frequency", "field", "said"),
    [
        (
            Frequency.REAL_TIME,
            "least_loss",
            "How many messages it would be can't be said yet. Minimum loss: No ∗amount∗.",
        ),
        (Frequency.DAILY, "zone", "When the next recap is due can't be said yet. Time zone: No ∗amount∗."),
    ],
)
def test_what_keeps_the_outlook_from_being_known_is_said_in_its_place(
    frequency: Frequency, field: str, said: str
) -> None:
    view = forms.form(replace(FILLED, frequency=frequency), Offer(unclear=FieldError(field, "No *amount*.")))
    validate_view(view)
    assert said in str(view["blocks"])
