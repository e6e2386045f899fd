import shlex
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from bot.sandbox.blocks import validate_view
from bot.sandbox.elements import kept, placed_in, starting
from bot.sandbox.mrkdwn import unescaped
from handlers.senders import api, chartmogul, segment
from handlers.views import source_details, sources
from handlers.views.filled import subject
from handlers.views.samples import curl_line
from handlers.views.source_details import MOST_REFUSED, RefusedEvent, SourceDetails
from handlers.views.sources import CALLBACKS, SourceAddress, SourceForm
from models.source import AccountCreation, SourceKind

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
BILLING = SourceAddress(
    id="src_1",
    name="Billing",
    kind=SourceKind.API,
    url="https://runrate.example.com/in/rrk_1",
    key="rrk_1",
    tracking_url="https://runrate.example.com",
)
SENDERS = {SourceKind.API: api, SourceKind.CHARTMOGUL: chartmogul, SourceKind.SEGMENT: segment}


def submitted(view: dict[str, Any], choices: dict[str, Any] | None = None) -> dict[str, Any]:
    """Fill a form as Slack's own client would: what isn't chosen stays as it was drawn."""
    values = starting(view["blocks"])
    for placed in placed_in(view["blocks"]):
        if choices and placed.label in choices:
            values[placed.block_id][placed.action_id] = placed.choose(choices[placed.label])
    return {**view, "state": {"values": values}}


def texts(view: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in view["blocks"] if "text" in block]


def test_a_new_source_has_a_name_and_a_kind_in_plain_words() -> None:
    view = sources.form(SourceForm())
    validate_view(view)
    assert view["callback_id"] == CALLBACKS.add
    name, kind = placed_in(view["blocks"])
    assert (name.label, kind.label, kind.dispatches) == ("Name", "What sends", True)
    assert [option["text"]["text"] for option in kind.options] == [
        "Your own system",
        "ChartMogul",
        "Segment",
        "Stripe",
        "Salesforce",
        "HubSpot",
    ]
    assert sources.read(submitted(view, {"Name": " Billing ", "What sends": "ChartMogul"})) == SourceForm(
        name="Billing", kind=SourceKind.CHARTMOGUL
    )


def test_choosing_segment_asks_when_accounts_are_created_and_keeps_what_was_typed() -> None:
    first = submitted(sources.form(SourceForm()), {"Name": "Website", "What sends": "Segment"})
    second = sources.form(sources.read(first))
    validate_view(second)
    values = kept(first["state"]["values"], second["blocks"])
    assert sources.read({**second, "state": {"values": values}}) == SourceForm(name="Website", kind=SourceKind.SEGMENT)
    creation = list(placed_in(second["blocks"]))[-1]
    assert creation.label == "Create an account"
    assert [option["text"]["text"] for option in creation.options] == [
        "When a user joins a company",
        "When an e-mail or user id appears",
    ]
    chosen = submitted(second, {"Create an account": "When an e-mail or user id appears"})
    assert sources.read(chosen).account_creation == AccountCreation.CONTACT


@pytest.mark.parametrize("kind", sources.CONNECTED)
def test_what_the_form_starts_with_is_what_it_reads_back(kind: SourceKind) -> None:
    form = SourceForm(name="*Billing* & <co>", kind=kind)
    assert sources.read(submitted(sources.form(form))) == form


def test_a_form_of_nothing_reads_as_empty() -> None:
    assert sources.read({}) == SourceForm()


def test_a_refusal_stands_under_its_field() -> None:
    view = sources.form(SourceForm(kind=SourceKind.SEGMENT))
    blocks = {placed.block_id: placed.label for placed in placed_in(view["blocks"])}
    fields = ["name", "kind", "account_creation", "something else"]
    labels = [blocks[block_id] for field in fields for block_id in sources.errors({field: "No."})]
    assert labels == ["Name", "What sends", "Create an account", "Name"]


TRIABLE = [kind for kind in sources.CONNECTED if kind is not SourceKind.STRIPE]
"""What takes a line from a terminal; what Stripe sends is signed."""


@pytest.mark.parametrize("kind", sources.CONNECTED)
def test_the_address_can_be_copied_with_where_to_put_it(kind: SourceKind) -> None:
    view = sources.address(replace(BILLING, kind=kind), now=AT)
    validate_view(view)
    shown = texts(view)
    assert "*Webhook URL*\n```https://runrate.example.com/in/rrk_1```" in shown
    assert any(text.endswith("ey*\n```rrk_1```") or "```rrk_1```" in text for text in shown)
    is_triable = any(text.startswith("*Try it* with one test event, from a terminal:\n```curl ") for text in shown)
    assert is_triable is (kind in TRIABLE)
    assert "submit" not in view
    assert view["close"]["text"] == "Done"


def test_segments_libraries_are_told_where_to_send() -> None:
    shown = texts(sources.address(replace(BILLING, kind=SourceKind.SEGMENT), now=AT))
    assert any('```Client(write_key="rrk_1", host="https://runrate.example.com")```' in text for text in shown)


def test_an_own_system_is_led_to_what_it_can_send() -> None:
    shown = texts(sources.address(BILLING, now=AT))
    assert f"<{BILLING.tracking_url}/api|How to send>: every record, with examples to copy." in shown


@pytest.mark.parametrize("kind", TRIABLE)
def test_the_line_for_the_terminal_sends_what_the_sender_takes(kind: SourceKind) -> None:
    block = next(text for text in texts(sources.address(replace(BILLING, kind=kind), now=AT)) if "curl" in text)
    command = shlex.split(unescaped(block.split("```")[1]))
    assert command[:3] == ["curl", "-sS", BILLING.url]
    assert command[3:6] == ["-H", "Content-Type: application/json", "-d"]
    reading = SENDERS[kind].read(orjson.loads(command[6]), received_at=AT)
    assert reading.unreadable is None
    assert reading.refused == []
    assert len(reading.received) == 1
    assert reading.received[0].occurred_at == AT


def test_each_drawing_of_the_line_is_a_new_event() -> None:
    lines = {curl_line(kind, "u", now=at) for kind in TRIABLE for at in (AT, AT.replace(second=1))}
    assert len(lines) == 2 * len(TRIABLE)
    assert curl_line(SourceKind.CSV, "u", now=AT) is None


DETAILS = SourceDetails(
    id="src_1", name="Billing", kind=SourceKind.API, created_by="U0ADA", created_at=AT, last_event_at=AT, today=1204
)
DAY = "<!date^1795183320^{date_short}|20 Nov 2026>"
MOMENT = "<!date^1795183320^{date_short_pretty} at {time}|20 Nov 2026 at 14:02 UTC>"


def facts(view: dict[str, Any]) -> list[str]:
    return [one["text"] for block in view["blocks"] for one in block.get("fields", ())]


def test_the_details_say_what_a_source_is_and_what_it_sent() -> None:
    view = source_details.draw(DETAILS)
    validate_view(view)
    assert facts(view) == [
        "*What sends*\nYour own system",
        f"*Added*\n{DAY} by <@U0ADA>",
        f"*Last event*\n{MOMENT}",
        "*Events today*\n1,204",
    ]
    assert source_details.read_name(submitted(view, {"Name": " New  name "})) == "New name"
    assert (view["callback_id"], subject(view)) == (CALLBACKS.save, "src_1")
    assert texts(view) == ["Nothing was refused in the last 7 days."]


def test_the_details_of_a_paused_source_say_what_becomes_of_what_it_sends() -> None:
    paused = replace(DETAILS, paused_at=AT, held=1, today=20_000, is_all_of_today=False, created_by="command line")
    view = source_details.draw(paused)
    validate_view(view)
    assert texts(view)[0] == (
        f"*Paused* since {MOMENT} · 1 event waits\nWhat it sends is kept, and applied once it is resumed."
    )
    assert facts(view)[1:4:2] == [f"*Added*\n{DAY} by command line", "*Events today*\nmore than 20,000"]


def test_refused_events_name_record_field_and_reason_and_show_what_was_sent() -> None:
    sent = {"amount_minor": "1 <2>"}
    event = RefusedEvent(
        record="rec <1>", field="amount_minor", reason="It must be a *whole* number.", at=AT, payload=sent
    )
    view = source_details.draw(replace(DETAILS, refused=(event,)))
    validate_view(view)
    assert texts(view)[1].splitlines() == [
        f"`rec &lt;1&gt;` · `amount_minor` · {MOMENT}",
        "It must be a ∗whole∗ number.",
        '`{"amount_minor": "1 &lt;2&gt;"}`',
    ]
    assert "accessory" not in view["blocks"][-1]
    long = replace(event, record="r" * 300, reason="<" * 3000, payload={"text": "<" * 9000})
    many = source_details.draw(replace(DETAILS, refused=(long,) * (MOST_REFUSED + 1)))
    validate_view(many)
    assert len(orjson.dumps(many)) < 250_000


def test_what_could_not_be_applied_can_be_tried_again() -> None:
    event = RefusedEvent(record="movement", field="", reason="A fault in Runrate.", at=AT, event_id=7)
    [*_, row] = source_details.draw(replace(DETAILS, refused=(event,)))["blocks"]
    assert (row["accessory"]["text"]["text"], row["accessory"]["value"]) == ("Try again", "7")


def test_while_the_key_before_works_the_address_and_the_details_say_so() -> None:
    words = f"The key before this one works until {MOMENT}. Put the new one in its place by then."
    assert words in str(sources.address(replace(BILLING, old_key_until=AT), now=AT))
    assert words in str(source_details.draw(replace(DETAILS, old_key_until=AT)))
    assert words not in str(sources.address(BILLING, now=AT))


def test_rotating_asks_what_becomes_of_the_old_key() -> None:
    view = sources.rotate_question(source_id="src_1", name="Billing")
    validate_view(view)
    assert (view["submit"]["text"], subject(view)) == ("Rotate", "src_1")
    assert not sources.is_leaked(submitted(view))
    assert not sources.is_leaked(submitted(view, {"The old key": "Works for another 24 hours"}))
    assert sources.is_leaked(submitted(view, {"The old key": "Stops at once"}))
    assert not sources.is_leaked({})


def test_removing_asks_first_and_lets_choose_what_becomes_of_what_it_brought() -> None:
    view = sources.remove_question(source_id="src_1", name="Billing", kind=SourceKind.API)
    validate_view(view)
    assert texts(view) == [
        (
            "Remove *Billing*?\nIts URL stops working at once: whatever still sends there is answered 404. "
            "Messages that were posted stay in Slack either way."
        )
    ]
    assert (view["submit"]["text"], view["close"]["text"], subject(view)) == ("Remove", "Keep", "src_1")
    assert not sources.is_forgotten(submitted(view))
    assert sources.is_forgotten(submitted(view, {"What it brought": "Goes too"}))
    assert not sources.is_forgotten({})
    assert "URL" not in str(sources.remove_question(source_id="src_1", name="Import", kind=SourceKind.CSV))
