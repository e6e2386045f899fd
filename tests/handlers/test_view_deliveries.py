from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.blocks import validate_blocks
from handlers.views.answers import Answer
from handlers.views.deliveries import REASONS, STATES, Delivering, Failure, Trouble, answer, blocks, words
from models.delivery import DeliveryState, FactKind, SkipReason
from models.fact import MovementKind, SignalKind
from models.ledger import Asker, AskerKind, Failing, Told
from models.recipient import RecipientKind
from models.schedule import Period, Rhythm
from models.wish import Frequency

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
INSTALL = "https://runrate.example.com/slack/install"
WELL = Delivering(counts={(DeliveryState.DELIVERED, None): 214})
CHURN = Told(
    kind=FactKind.MOVEMENT, about="Initech", detail=MovementKind.CHURN, amount_minor=-72_000, currency="USD", at=AT
)
FAILED = Failure(
    delivery_id="del_1",
    told=CHURN,
    target="U0DANA",
    recipient_kind=RecipientKind.PERSON,
    reason="Slack refused the message as empty",
    fix="Report it.",
    at=AT,
)


def read(drawn: Answer) -> list[str]:
    validate_blocks(drawn["blocks"], surface="ephemeral")
    return [block["text"]["text"] for block in drawn["blocks"] if "text" in block]


def test_every_state_and_every_reason_has_words() -> None:
    assert set(STATES) == set(DeliveryState)
    assert set(REASONS) == set(SkipReason)


@pytest.mark.parametrize(
    ("delivered", "waiting", "said"),
    [
        (214, None, "214 messages delivered today."),
        (214, 4, "214 messages delivered today."),
        (1, 59, "1 message delivered today, oldest waiting 59 s."),
        (2000, 60, "2,000 messages delivered today, oldest waiting 1 min."),
    ],
)
def test_when_all_is_well_one_calm_line_says_so(delivered: int, waiting: int | None, said: str) -> None:
    oldest = timedelta(seconds=waiting) if waiting else None
    [line] = blocks(Delivering(counts={(DeliveryState.DELIVERED, None): delivered}, oldest_waiting=oldest))
    assert line["text"]["text"] == f"*All well*: {said}"


@pytest.mark.parametrize(("waiting", "said"), [(600, "10 min"), (7200, "2 h"), (3 * 86_400, "3 d")])
def test_whoever_waits_long_is_not_well_served(waiting: int, said: str) -> None:
    [line] = blocks(Delivering(counts={(DeliveryState.PENDING, None): 1}, oldest_waiting=timedelta(seconds=waiting)))
    assert line["text"]["text"] == f"*Delivery*\nToday: 1 waiting\nThe oldest has waited for {said}."


def test_counts_leave_zeros_out_and_say_why_something_was_not_sent() -> None:
    skipped = {(DeliveryState.SKIPPED, SkipReason.MUTED): 3, (DeliveryState.SKIPPED, SkipReason.STALE): 1}
    first, hint = blocks(Delivering(counts={**WELL.counts, **skipped, (DeliveryState.FAILED, None): 2}))
    assert first["text"]["text"] == (
        "*Delivery*\nToday: 214 delivered · 2 failed · 4 not sent (3 muted, 1 too old to be news)"
    )
    assert hint["elements"][0]["text"] == "`/mrr deliveries` says what failed, and why."


@pytest.mark.parametrize(
    ("kind", "target", "named"),
    [
        (RecipientKind.PERSON, "U0DANA", "<@U0DANA>"),
        (RecipientKind.EMAIL, "d&a@acme.com", "d&amp;a@acme.com"),
    ],
)
def test_a_person_who_cannot_be_written_to_has_nothing_to_edit(kind: RecipientKind, target: str, named: str) -> None:
    failing = Failing(
        target=target,
        recipient_kind=kind,
        reason="Slack doesn't let Runrate post there",
        fix="Reinstall Runrate.",
        waiting=1,
        asked_by=("runrate",),
    )
    _, said, buttons = blocks(Delivering(counts={}, troubles=(Trouble(failing=failing),)))
    assert said["text"]["text"] == (
        f"I can't write to {named}: Slack doesn't let Runrate post there. "
        "1 update is waiting; nothing is lost. Reinstall Runrate."
    )
    assert [one["text"]["text"] for one in buttons["elements"]] == ["Try now"]


def test_of_many_that_ask_for_a_broken_channel_some_can_be_edited_from_there() -> None:
    failing = Failing(
        target="C0DEALS", recipient_kind=RecipientKind.CHANNEL, reason="it is archived", fix="", waiting=9, asked_by=()
    )
    made = {"kind": AskerKind.DESTINATION, "hears": Frequency.DAILY, "created_by": "U0ADA", "created_at": AT}
    askers = tuple(Asker(id=f"dst_{number}", name=f"No {number}", is_deleted=False, **made) for number in range(20))
    drawn = blocks(Delivering(counts={}, troubles=(Trouble(failing=failing, askers=askers),)))
    validate_blocks(drawn, surface="home")
    buttons = [(one["text"]["text"], one.get("value")) for one in drawn[-1]["elements"]]
    edits = [(f"Edit “No {number}”", f"dst_{number}") for number in range(3)]
    assert buttons == [*edits, ("Try now", "C0DEALS")]


def test_the_answer_names_each_failure_with_its_reason_and_fix() -> None:
    failed = replace(WELL, counts={(DeliveryState.FAILED, None): 1})
    assert read(answer(failed, [FAILED], now=AT, locale="en_US", install_url=INSTALL)) == [
        "*Deliveries*\nToday: 1 failed",
        "*Failed this week*",
        (
            "*Initech: churn −$720 MRR* to <@U0DANA> · <!date^1795183320^{time}|14:02 UTC> · `del_1`\n"
            "Slack refused the message as empty. Report it."
        ),
    ]
    assert read(answer(WELL, [], now=AT, locale="en_US", install_url=INSTALL)) == [
        "*Deliveries*\n*All well*: 214 messages delivered today."
    ]
    stale = replace(WELL, counts={**WELL.counts, (DeliveryState.SKIPPED, SkipReason.STALE): 1})
    assert read(answer(stale, [], now=AT, locale="en_US", install_url=INSTALL))[0].endswith(
        "\nToday: 214 delivered · 1 not sent (1 too old to be news)"
    )


def test_where_the_grant_is_gone_nothing_is_well() -> None:
    counts = {**WELL.counts, (DeliveryState.PENDING, None): 2}
    lost = replace(WELL, counts=counts, lost="Slack no longer accepts its token")
    assert read(answer(lost, [], now=AT, locale="en_US", install_url=INSTALL)) == [
        "*Deliveries*\nToday: 214 delivered · 2 waiting",
        (
            "*Runrate can't post anything*: Slack no longer accepts its token. 2 updates are waiting; nothing is lost. "
            f"<{INSTALL}|Install Runrate again>; everything that waits is then sent."
        ),
    ]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (CHURN, "Initech: churn −$720 MRR"),
        (
            Told(
                kind=FactKind.RECAP,
                detail=Rhythm.WEEKLY,
                period=Period(datetime(2026, 11, 16, tzinfo=UTC).date(), datetime(2026, 11, 23, tzinfo=UTC).date()),
            ),
            "recap, week of 16 – 22 November",
        ),
        (Told(kind=FactKind.TRACK, about="Order Completed"), "the event Order Completed"),
        (
            Told(kind=FactKind.SIGNAL, about="Contoso", person="Sofia", detail=SignalKind.NEW_HIRE),
            "new hire at Contoso: Sofia",
        ),
        (Told(kind=FactKind.UNHEARD, about="Contoso"), "a signal about Contoso that reached nobody"),
        (Told(kind=FactKind.WELCOME), "the welcome"),
        (Told(kind=FactKind.UNFURL), "a preview under a link"),
        (Told(kind=FactKind.NOTICE), "the notice that something can't be delivered"),
        (Told(kind=FactKind.RECOVERY), "the notice that it works again"),
        (Told(kind=FactKind.MOVEMENT), "a movement of which nothing is known any more"),
    ],
)
def test_a_few_words_say_what_was_told(told: Told, said: str) -> None:
    assert words(told) == said
