"""A ChartMogul source with an API key: entered with the source, refused, entered anew, and never shown."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.people import ACME, DANA
from bot.vendors.chartmogul import API_KEY, ChartMogulServer, chartmogul_server
from models import account, movement, poll, source
from models.database import Database
from tests.stage import Stage, both_engines, staged

WRONG_KEY = "planted-wrong-key"


@pytest.fixture
async def server() -> AsyncIterator[ChartMogulServer]:
    """Give ChartMogul, with a customer who began before anybody looked."""
    async with chartmogul_server() as made:
        made.add_customer(owner="dana@acme.com")
        made.add_activity("act_1", date="2024-11-16T08:59:00+00:00")
        yield made


@pytest.fixture
async def acme_and_chartmogul(
    database: Database,  # It is empty at the start.
    database_url: str,
    server: ChartMogulServer,
) -> AsyncIterator[Stage]:
    """Give the product, installed in Acme, with ChartMogul's API where the server is."""
    async with staged(database_url, chartmogul_api_url=server.url) as made:
        await made.install()
        yield made


@both_engines
async def test_an_api_key_is_entered_refused_told_of_once_and_entered_anew(
    acme_and_chartmogul: Stage, server: ChartMogulServer
) -> None:
    acme = acme_and_chartmogul
    form = await (await acme.home()).click("Add source")
    assert form is not None
    assert "API key" not in form.fields
    await form.fill({"What sends": "ChartMogul"})
    refused = await form.submit({"Name": "ChartMogul", "API key": "two words"})
    assert refused.errors == {"API key": "That can't be an API key. Copy it once more from where it was made."}
    added = await form.submit({"Name": "ChartMogul", "API key": WRONG_KEY})
    assert added.modal is not None
    assert "Change API key" in added.modal.buttons

    notice = await acme.ada.message("@Runrate", containing="refuses the API key of “ChartMogul”", seconds=30)
    assert "ChartMogul refuses the API key: it answers 401." in (await acme.home()).words
    entering = await notice.click("Enter API key")
    assert entering is not None
    assert "A key is set and is not shown." in entering.words
    await entering.submit({"API key": API_KEY})

    assert await acme.until(lambda: history(acme)) == 1
    home = await acme.home()
    assert "Read with the API key" in home.words
    assert await acme.ada.messages("#revenue") == []
    assert set(server.keys) == {WRONG_KEY, API_KEY}
    shown = await home.click("Show URL", near="ChartMogul")
    assert shown is not None
    for key in (WRONG_KEY, API_KEY):
        assert key not in home.words + shown.words + notice.words + added.modal.words
        assert key not in repr(acme.logs)


async def history(acme: Stage) -> int:
    async with acme.database.read() as session:
        return await movement.count(session, ACME) if await account.count(session, ACME) else 0


async def test_the_key_is_managers_business_and_empty_stops_polling(
    acme_and_chartmogul: Stage, server: ChartMogulServer
) -> None:
    acme = acme_and_chartmogul
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "ChartMogul"})
    assert (await form.submit({"Name": "ChartMogul", "API key": API_KEY})).modal is not None
    async with acme.database.read() as session:
        [found] = await source.of_workspace(session, ACME)
    saved = {"callback_id": "source_api_key", "private_metadata": found.id}

    answer = await acme.submit(saved, user=DANA)
    assert "Only managers can change this" in str(answer.json["view"])
    await acme.press({"action_id": "source_api_key", "value": found.id}, user=DANA)
    assert (await acme.dana.modal()).title == "Only managers"
    assert await polled(acme, found.id)

    shown = await (await acme.home()).click("Show URL", near="ChartMogul")
    assert shown is not None
    changing = await shown.click("Change API key")
    assert changing is not None
    await changing.submit({"API key": ""})
    assert not await polled(acme, found.id)


async def polled(acme: Stage, source_id: str) -> bool:
    async with acme.database.read() as session:
        return await poll.of_source(session, source_id) is not None
