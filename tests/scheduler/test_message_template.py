"""Templates are filled in as Customer.io's and Segment's users write them, and no event can mention anybody."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.messages.template import Template, TemplateError, look_up

EVENT = {
    "event": "Order Completed",
    "userId": "u_1",
    "properties": {
        "name": "Ada <b> & co",
        "total": 120.0,
        "paid": True,
        "items": [{"name": "Pen"}, {"name": "Ink"}],
        "tags": ["a", "b"],
        "product 1": "x",
    },
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "🎉 {{$.properties.name}} just completed an order for {{$.properties.total}}!",
            "🎉 Ada &lt;b&gt; &amp; co just completed an order for 120!",
        ),
        ("{{properties.total}}", "120"),
        ("{{{ $.properties.total }}}", "120"),
        ("{{$.properties.items.1.name}} {{$.properties.items[0].name}}", "Ink Pen"),
        ("{{$.properties['product 1']}}", "x"),
        ("{{properties.product 1}}", "x"),
        ("{{$.properties.paid}} {{$.properties.tags}}", "yes a, b"),
        ("*{{$.event}}* <https://example.com|open>", "*Order Completed* <https://example.com|open>"),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("{ not a variable }", "{ not a variable }"),
    ],
)
def test_a_template_is_filled_in(source: str, text: str) -> None:
    assert Template(source).fill(EVENT).text == text


def test_what_is_missing_is_empty_and_said() -> None:
    filled = Template("Hello {{$.properties.first}} {{$.properties.items[7].name}}!").fill(EVENT)
    assert filled.text == "Hello  !"
    assert filled.missing == ("$.properties.first", "$.properties.items[7].name")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("", "Write the message"),
        ("x" * 2501, "at most 2,500 characters; this one has 2,501"),
        ("{{}}", "names nothing"),
        ("{{$}}", "names nothing"),
        ("{{$.a..b}}", "names nothing"),
        ("{{ name", "two braces on each side"),
        ("{{a}} }}", "two braces on each side"),
    ],
)
def test_what_can_not_be_filled_in_is_refused_with_a_sentence(source: str, sentence: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(sentence)):
        Template(source)


@pytest.mark.parametrize("source", ["{{$.properties.x}}", "<{{$.properties.x}}>", "a <{{properties.x}}|b> c"])
@given(st.sampled_from(["!channel", "<!here>", "@U0ADA", "<@U0ADA>", "https://evil.example|ok", "&lt;!channel&gt;"]))
def test_no_value_becomes_a_mention_or_a_link(source: str, value: str) -> None:
    text = Template(source).fill({"properties": {"x": value}}).text
    assert not re.search(r"<[!@#h]", text)


@given(st.text(max_size=60), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_any_text_either_is_refused_or_fills_in(source: str, value: Any) -> None:
    try:
        template = Template(source)
    except TemplateError:
        return
    assert isinstance(template.fill({"properties": {"x": value}}).text, str)


def test_looking_up_leads_nowhere_without_raising() -> None:
    assert look_up({"a": [1]}, "a.x") is None
    assert look_up({"a": "text"}, "a.0") is None
    assert look_up({"a": [1]}, "a.5") is None


def test_however_long_the_values_are_the_message_fits_into_a_section() -> None:
    text = Template("{{a}} " * 400).fill({"a": "<long> " * 1000}).text
    assert len(text) <= 3000
    assert not re.search(r"&(?!(amp|lt|gt);)", text)
