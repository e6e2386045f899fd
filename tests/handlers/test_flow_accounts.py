"""Accounts: found by whatever is typed, shown to one person, shared with a channel, and merged where there are two."""

import json
from typing import Any

import pytest

from bot.sandbox.people import DEALS, GUS, PARTNERS, PAT, REVENUE
from handlers.views import accounts
from handlers.views.typed import name_in
from models import delivery, destination, event
from models.account import Account
from models.account_search import Found
from models.delivery import DeliveryState, FactKind
from models.event import EventState
from tests.stage import ACME, NOT_FOR_GUESTS, Stage, both_engines

CHART = "data_visualization"


def test_a_command_about_one_account_offers_each_that_may_be_meant_by_its_id() -> None:
    kites = tuple(Account(id=f"acc_{name}", external_id=f"cus_{name}", name=name) for name in ("Kite", "Kitewell"))
    _, *rows = accounts.which("kite", Found(kites), word="mute", ending="week")["blocks"]
    assert [one["text"]["text"] for one in rows] == ["*Kite* · `cus_Kite`", "*Kitewell* · `cus_Kitewell`"]
    assert [one["accessory"]["value"] for one in rows] == ["mute cus_Kite week", "mute cus_Kitewell week"]


async def tell(acme: Stage, webhook: str, *records: dict[str, Any]) -> None:
    answer = await acme.post(webhook, json.dumps(list(records)).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


async def applied(acme: Stage) -> None:
    """Wait until everything is applied that came in."""

    async def look() -> bool:
        async with acme.database.read() as session:
            return (await event.count_by_state(session, ACME))[EventState.WAITING] == 0

    await acme.until(look)


async def northwind(acme: Stage) -> str:
    """Let a source tell of two accounts that are one, and of another; give its webhook."""
    _, webhook = await acme.add_source()
    for name in ("Northwind", "Northwind Inc", "Contoso"):
        for _ in range(9 if name == "Northwind" else 1):
            await acme.move(webhook, name)
    await tell(
        acme,
        webhook,
        {"type": "account", "external_id": "Northwind", "domain": "northwind.example", "attributes": {"seats": 12}},
        {"type": "account", "external_id": "Northwind Inc", "domain": "www.northwind.example"},
        {"type": "role", "account_external_id": "Northwind", "role": "owner", "email": "dana@acme.com"},
        {"type": "contact", "email": "s@northwind.example", "name": "Sofia", "account_external_id": "Northwind Inc"},
    )
    await applied(acme)
    return webhook


async def test_from_a_typed_name_to_a_card_that_is_shared(acme: Stage) -> None:
    await northwind(acme)
    pat = acme.person(PAT)
    assert "Say which account" in (await pat.run("/mrr account", channel=REVENUE)).words
    missed = (await pat.run("/mrr account qqqqzzz", channel=REVENUE)).message
    assert missed is not None
    assert "No account comes near “qqqqzzz”" in missed.words
    choice = (await pat.run("/mrr account Nortwhind Inc", channel=REVENUE)).message
    assert choice is not None
    assert "Did you mean one of these?" in choice.words
    await choice.click("Open", near="Northwind Inc")
    [chosen] = [one for one in await pat.messages(REVENUE) if "Expansion" in one.words]
    assert "*Northwind Inc*" in chosen.words
    card = (await pat.run("/mrr account contoso", channel=REVENUE)).message
    assert card is not None
    assert card.is_ephemeral
    assert card.buttons == ["Share here"], "only managers merge, and one movement needs no page of its own"
    assert [one["type"] for one in card.blocks].count(CHART) == 1
    assert "*$1,620 MRR*" in card.words
    await card.click("Share here")
    await card.click("Share here")
    await pat.message(REVENUE, containing="You shared this with this channel already.")
    shared = await acme.dana.message(REVENUE, containing="Pat Singh shared this")
    assert not shared.is_ephemeral
    assert "Contoso" in shared.words
    why = await shared.click("Why did I get this?")
    assert why is not None
    assert "Pat Singh shared this, from the answer to `/mrr account`." in why.words
    async with acme.database.read() as session:
        rows = await delivery.of_workspace(session, ACME)
    assert [one.state for one in rows if one.fact_kind == FactKind.ACCOUNT] == [DeliveryState.DELIVERED]


@both_engines
async def test_two_that_are_one_are_merged_by_a_manager(acme: Stage) -> None:
    webhook = await northwind(acme)
    card = (await acme.ada.run("/mrr account northwind.example", channel=REVENUE)).message
    assert card is not None
    assert "2 accounts fit" in card.words
    card = (await acme.ada.run('/mrr account "Northwind Inc"', channel=REVENUE)).message
    assert card is not None
    assert "Looks like a duplicate of *Northwind* (`Northwind`)." in card.words
    card = (await acme.ada.run("/mrr account Northwind", channel=REVENUE)).message
    assert card is not None
    pages = await card.click("All movements")
    assert pages is not None
    assert "1–9 of 9" in pages.words
    await pages.close()
    form = await card.click("Merge with…")
    assert form is not None
    same = await form.submit({"The duplicate": "Northwind Inc"})
    question = same.modal
    assert question is not None, same.errors
    assert "1 movement and 1 contact go to *Northwind*, and its MRR is counted anew" in question.words
    assert "This can't be undone." in question.words
    payload = {"callback_id": "account_merge", "private_metadata": question["private_metadata"]}
    done = await question.submit()
    assert done.modal is not None
    assert "Done: they are one account, *Northwind" in done.modal.words
    again = await acme.submit(payload)
    assert "Done: they are one account" in again.text
    refused = await acme.submit({**payload, "private_metadata": "acc_none acc_other"})
    assert "gone meanwhile" in refused.text
    assert "Only managers" in (await acme.submit(payload, user=PAT)).text
    await acme.move(webhook, "Northwind Inc")

    async def counted() -> bool:
        shown = (await acme.ada.run("/mrr account Northwind Inc", channel=REVENUE)).message
        return shown is not None and "3 more" in shown.words and "also `Northwind Inc`" in shown.words

    await acme.until(counted)


async def test_the_menu_of_a_movement_opens_its_account(posting: tuple[Stage, str]) -> None:
    acme, webhook = posting
    await acme.move(webhook)
    message = await acme.dana.message(REVENUE, containing="Northwind")
    modal = await message.click("Account history")
    assert modal is not None
    assert modal.title == "Account history"
    assert "Share here" not in modal.buttons
    assert "*Movements*\n▲" in modal.words
    await acme.ada.invite(REVENUE, GUS)
    await (await acme.person(GUS).message(REVENUE, containing="Northwind")).click("Account history")
    assert (await acme.person(GUS).message(REVENUE, containing=NOT_FOR_GUESTS)).is_ephemeral


async def test_the_menu_of_an_account_s_thread_opens_it_and_says_why_it_is_there(posting: tuple[Stage, str]) -> None:
    acme, webhook = posting
    async with acme.database.write() as session:
        for one in await destination.of_workspace(session, ACME):
            one.has_threads = True
    await acme.move(webhook)
    card = await acme.dana.message(REVENUE, containing="in the thread")
    opened, why = await card.click("Account history"), await card.click("Why did I get this?")
    assert opened is not None
    assert "*Movements*\n▲" in opened.words
    assert why is not None
    assert "The thread of Northwind" in why.words


async def test_who_may_not_is_told_so(acme: Stage) -> None:
    await northwind(acme)
    await acme.ada.invite(REVENUE, GUS)
    refused = await acme.person(GUS).run("/mrr account Contoso", channel=REVENUE)
    assert refused.words == NOT_FOR_GUESTS
    card = (await acme.ada.run("/mrr account Contoso", channel=DEALS)).message
    assert card is not None
    await card.click("Share here")
    told = await acme.ada.message(DEALS, containing="I'm not in this channel yet")
    assert told.is_ephemeral
    card = (await acme.ada.run("/mrr account Contoso", channel=PARTNERS)).message
    assert card is not None
    await card.click("Share here")
    assert (await acme.ada.message(PARTNERS, containing="People of other companies")).is_ephemeral
    async with acme.database.read() as session:
        assert [one for one in await delivery.of_workspace(session, ACME) if one.fact_kind == FactKind.ACCOUNT] == []


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("account <http://northwind.example|northwind.example>", "northwind.example"),
        ("account <https://northwind.example/a?b=1>", "https://northwind.example/a?b=1"),
        ("account <mailto:s@northwind.example|s@northwind.example>", "s@northwind.example"),
        ("account <mailto:s@northwind.example>", "s@northwind.example"),
        ("Account  “Smith &amp; Sons &lt;EU&gt;” ", "Smith & Sons <EU>"),
        ("account", ""),
        ('account ""', ""),
    ],
)
def test_what_slack_makes_of_what_was_typed_is_undone(text: str, typed: str) -> None:
    assert name_in(text) == typed


async def test_where_there_are_no_charts_the_months_stand_in_words(acme: Stage) -> None:
    await northwind(acme)
    acme.slack.workspaces[ACME].shows = "words"
    card = (await acme.ada.run("/mrr account Contoso", channel=REVENUE)).message
    assert card is not None
    assert CHART not in [one["type"] for one in card.blocks]
    assert "in 12 months" in card.words
