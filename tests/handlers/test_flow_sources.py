"""Adding a source, sending it something, seeing what it refused, and removing it."""

import asyncio
import json
import re
import shlex
import shutil
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select

from bot.sandbox.people import ACME, ADA, REVENUE
from bot.sandbox.person import Home
from models import account, event, source
from models.audit import AuditEntry
from models.event import Refusal
from models.source import Source
from tests.stage import Stage, both_engines

"""What the engines do differently is asked of models and scheduler; here is what people read and press."""


async def sources(stage: Stage) -> list[Source]:
    async with stage.database.read() as session:
        return await source.of_workspace(session, ACME)


def webhook_in(stage: Stage, words: str) -> str:
    found = re.search(re.escape(stage.url) + r"/in/[\w-]+", words)
    assert found is not None, words
    return found[0]


def curl_in(words: str) -> list[str]:
    """Read the line for a terminal as Slack shows it, and split it as a shell does."""
    found = re.search(r"curl .*?'(?=\s*(```|$))", words, re.DOTALL)
    assert found is not None, words
    return shlex.split(unescape(found[0]))


async def run(stage: Stage, line: list[str]) -> dict[str, Any]:
    """Run the line with curl itself, or where there is none, send what it says."""
    if shutil.which("curl"):
        process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
        said, _ = await process.communicate()
        assert process.returncode == 0
        return dict(json.loads(said))
    assert (line[0], line[3], line[5]) == ("curl", "-H", "-d")
    name, _, kind = line[4].partition(": ")
    assert name == "Content-Type"
    return dict((await stage.post(line[2], line[6].encode(), kind=kind)).json)


async def test_a_source_is_added_shows_its_address_once_and_is_waited_for(acme: Stage) -> None:
    form = await (await acme.home()).click("Add source")
    assert form is not None
    result = await form.submit({"Name": "Billing", "What sends": "Your own system"})
    assert result.modal is not None
    webhook = webhook_in(acme, result.modal.words)
    [added] = await sources(acme)
    assert (added.name, added.kind, added.created_by) == ("Billing", "api", ADA)

    home = await acme.ada.home(containing="Billing")
    assert "Waiting for your first event" in home.words
    assert webhook in home.words

    await acme.move(webhook)
    await acme.until(lambda: heard(acme))
    home = await acme.home()
    assert "Waiting for your first event" not in home.words
    assert "Last event" in home.words
    assert "/in/" not in home.words


async def test_of_silent_sources_only_the_newest_has_a_line_and_none_once_an_event_came(acme: Stage) -> None:
    _, first = await acme.add_source(name="First")
    _, second = await acme.add_source(name="Second")
    home = await acme.home()
    assert second in home.words
    assert first not in home.words
    await acme.move(first)
    await acme.until(lambda: heard(acme))
    home = await acme.home()
    assert "Waiting for your first event. “Show URL” in the menu says where to send it." in home.words
    assert "curl" not in home.words


async def heard(stage: Stage) -> bool:
    return (await sources(stage))[0].last_event_at is not None


@pytest.mark.parametrize("kind", ["Your own system", "ChartMogul"])
async def test_the_line_in_the_home_tab_really_brings_a_first_movement(acme: Stage, kind: str) -> None:
    await acme.add_destination()
    form = await (await acme.home()).click("Add source")
    assert form is not None
    assert (await form.submit({"Name": "Billing", "What sends": kind})).modal is not None
    home = await acme.ada.home(containing="Waiting for your first event")
    answer = await run(acme, curl_in(home.words))
    assert (answer["stored"], answer["refused"]) == (1, [])
    message = await acme.ada.message(REVENUE, containing="Test account")
    assert "+$420 MRR" in message.words
    assert "*MRR now*  *$420*" in (await acme.ada.run("/mrr", channel=REVENUE)).words


async def test_the_line_for_segment_brings_an_account(acme: Stage) -> None:
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "Segment"})
    assert "Create an account" in form.fields
    result = await form.submit({"Name": "Segment", "Create an account": "When an e-mail or user id appears"})
    assert result.modal is not None
    assert "Write key" in result.modal.words
    assert (await run(acme, curl_in(result.modal.words)))["stored"] == 1

    async def is_known() -> bool:
        async with acme.database.read() as session:
            return bool(await account.count(session, ACME))

    await acme.until(is_known)
    assert (await sources(acme))[0].account_creation == "contact"


async def test_a_name_that_cannot_be_is_refused_under_it_and_the_form_keeps_what_was_typed(acme: Stage) -> None:
    await acme.add_source(name="Billing")
    form = await (await acme.home()).click("Add source")
    assert form is not None
    for name, sentence in (
        ("billing", "Another source has this name already. Choose another one."),
        ("x" * 81, "A source's name has at most 80 characters."),
        (" \u200b", "Give the source a name, such as “Billing”."),
    ):
        result = await form.submit({"Name": name, "What sends": "ChartMogul"})
        assert result.errors == {"Name": sentence}
        assert form.filled["Name"] == name
    assert len(await sources(acme)) == 1


@both_engines
async def test_twenty_people_who_choose_one_name_at_once_add_one_source(acme: Stage) -> None:
    await acme.home()
    values = {"source_name": {"name": {"type": "plain_text_input", "value": "Billing"}}}
    block = {"type": "input", "block_id": "source_name"}
    form = {"callback_id": "source_add", "blocks": [block], "state": {"values": values}}
    answers = await asyncio.gather(*(acme.submit(form) for _ in range(20)))
    refusals = [answer.json["errors"] for answer in answers if answer.json["response_action"] == "errors"]
    assert refusals == [{"source_name": "Another source has this name already. Choose another one."}] * 19
    assert len(await sources(acme)) == 1


async def test_the_key_is_shown_again_to_managers_only_and_each_time_is_audited(acme: Stage) -> None:
    source_id, webhook = await acme.add_source()
    home = await acme.home()
    shown = await home.click("Show URL", near="Billing")
    assert shown is not None
    assert webhook in shown.words
    assert webhook.rpartition("/")[2] in shown.words
    assert await audited(acme, "source.key_shown") == [ADA]

    for choice in ("details", "show", "rotate", "pause", "resume", "remove"):
        action = {"action_id": "source_menu", "type": "overflow"}
        await acme.press(action | {"selected_option": {"value": f"{choice} {source_id}"}}, user="U0DANA")
        modal = await acme.dana.modal()
        assert modal.title == "Only managers"
        assert "/in/" not in modal.words
        await modal.close(all_of_them=True)
    for name, value in (("source_add", ""), ("source_try_again", "1"), ("source_details", source_id)):
        await acme.press({"action_id": name, "value": value}, user="U0DANA")
        modal = await acme.dana.modal()
        assert modal.title == "Only managers"
        await modal.close(all_of_them=True)
    for callback in ("source_add", "source_save", "source_rotate", "source_remove"):
        answer = await acme.submit({"callback_id": callback, "private_metadata": source_id}, user="U0DANA")
        assert "Only managers can change this" in str(answer.json["view"])
    assert await audited(acme, "source.key_shown") == [ADA]
    assert len(await sources(acme)) == 1


async def audited(stage: Stage, action: str) -> list[str]:
    async with stage.database.read() as session:
        found = await session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id))
        return [entry.actor for entry in found]


async def test_what_a_source_refused_is_listed_with_record_field_and_reason(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    answer = await acme.try_to_move(webhook, currency="dollars")
    assert answer.status == 422
    await acme.move(webhook)
    home: Home = await acme.home()
    assert "1 refused" in home.words
    listed = await home.click("Details", near="Billing")
    assert listed is not None
    assert "Events today\n2" in listed.words.replace("*", "")
    assert "currency" in listed.words
    assert answer.json["refused"][0]["reason"] in unescape(listed.words)
    assert '"currency": "dollars"' in unescape(listed.words)


async def test_what_could_not_be_applied_is_tried_again_from_the_details(acme: Stage) -> None:
    source_id, webhook = await acme.add_source()
    await (await acme.home()).click("Pause", near="Billing")
    await acme.move(webhook)
    async with acme.database.write() as session:
        [waiting] = await event.of_workspace(session, ACME)
        await event.mark_refused(session, waiting.id, Refusal("", "A fault in Runrate."), now=acme.clock.now())
        await event.release(session, source_id, limit=1)
    await (await acme.home()).click("Resume", near="Billing")
    details = await (await acme.home()).click("Details", near="Billing")
    assert details is not None
    assert "A fault in Runrate." in details.words
    redrawn = await details.click("Try again")
    assert redrawn is not None
    assert "Nothing was refused" in redrawn.words
    await acme.until(lambda: heard_of(acme), seconds=30)
    assert await audited(acme, "source.event_tried_again") == [ADA]


async def heard_of(stage: Stage) -> bool:
    async with stage.database.read() as session:
        return bool(await account.count(session, ACME))


async def test_a_source_is_renamed_in_its_details(acme: Stage) -> None:
    await acme.add_source(name="Website")
    await acme.add_source()
    details = await (await acme.home()).click("Details", near="Billing")
    assert details is not None
    assert (await details.submit({"Name": "website"})).errors == {
        "Name": "Another source has this name already. Choose another one."
    }
    assert (await details.submit({"Name": "Invoices"})).closed
    await acme.ada.home(containing="Invoices")
    assert await audited(acme, "source.renamed") == [ADA]


async def test_a_rotated_key_works_for_a_day_and_a_leaked_one_no_more(acme: Stage) -> None:
    _, first = await acme.add_source()
    question = await (await acme.home()).click("Rotate key", near="Billing")
    assert question is not None
    shown = (await question.submit()).modal
    assert shown is not None
    second = webhook_in(acme, shown.words)
    assert "The key before this one works until" in shown.words
    for webhook in (first, second):
        await acme.move(webhook)
    question = await (await acme.home()).click("Rotate key", near="Billing")
    assert question is not None
    assert "works still" in str((await question.submit()).errors)
    shown = (await question.submit({"The old key": "Stops at once"})).modal
    assert shown is not None
    assert "The key before" not in shown.words
    await acme.move(webhook_in(acme, shown.words))
    assert [(await acme.try_to_move(webhook)).status for webhook in (first, second)] == [404, 404]
    assert await audited(acme, "source.key_rotated") == [ADA, ADA]


async def test_what_a_paused_source_sends_waits_and_is_told_once_it_is_resumed(acme: Stage) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    _, other = await acme.add_source(name="Website")
    await (await acme.home()).click("Pause", near="Billing")
    for name in ("Northwind", "Contoso"):
        await acme.move(webhook, name)
    await acme.move(other, "Initech")
    await acme.ada.message(REVENUE, containing="Initech")

    async def held() -> bool:
        return "2 events wait" in (await acme.home()).words

    await acme.until(held, seconds=30)
    assert len(await acme.browser.stored(ACME, REVENUE)) == 1
    await (await acme.home()).click("Resume", near="Billing")
    for name in ("Northwind", "Contoso"):
        await acme.ada.message(REVENUE, containing=name)
    assert "Paused" not in (await acme.home()).words
    assert (await audited(acme, "source.paused"), await audited(acme, "source.resumed")) == ([ADA], [ADA])


async def test_what_only_a_removed_source_brought_goes_with_it_where_the_manager_says_so(acme: Stage) -> None:
    await acme.add_destination()
    source_id, webhook = await acme.add_source()
    await acme.move(webhook)
    await acme.ada.message(REVENUE, containing="Northwind")
    question = await (await acme.home()).click("Remove", near="Billing")
    assert question is not None
    assert (await question.submit({"What it brought": "Goes too"})).closed

    async def is_gone() -> bool:
        async with acme.database.read() as session:
            return not await account.count(session, ACME)

    await acme.until(is_gone, seconds=30)
    await acme.ada.message(REVENUE, containing="Northwind")
    async with acme.database.read() as session:
        assert (await event.count_by_state(session, ACME))["applied"] == 1
        [entry] = await session.scalars(select(AuditEntry).where(AuditEntry.action == "source.removed"))
    assert (entry.subject_id, entry.detail) == (source_id, {"is_forgotten": True})


async def test_a_removed_source_is_answered_404_and_what_it_brought_stays(acme: Stage) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.move(webhook)
    await acme.ada.message(REVENUE, containing="Northwind")
    question = await (await acme.home()).click("Remove", near="Billing")
    assert question is not None
    assert "Remove *Billing*?" in question.words
    assert (await question.submit()).closed

    assert (await acme.try_to_move(webhook)).status == 404
    home = await acme.ada.home(containing="No source yet")
    assert "Billing" not in home.words
    await acme.ada.message(REVENUE, containing="Northwind")
    assert await audited(acme, "source.removed") == [ADA]
    await acme.add_source(name="Billing")
