"""A Segment source in Slack: its shared secret signs deletions, and its mappings are edited in a form."""

import hashlib
import hmac
import json
import re
from typing import Any

from aiohttp import ClientSession
from sqlalchemy import select

from bot.sandbox.people import ACME
from models import source
from models.contact import Contact
from tests.stage import Stage


async def people(acme: Stage) -> list[Contact]:
    async with acme.database.read() as session:
        return list(await session.scalars(select(Contact)))


async def post(url: str, call: dict[str, Any], secret: str) -> int:
    content = json.dumps(call).encode()
    signature = hmac.new(secret.encode(), content, hashlib.sha1).hexdigest()
    headers = {"X-Signature": signature, "Content-Type": "application/json"}
    async with ClientSession() as session, session.post(url, data=content, headers=headers) as answer:
        return answer.status


async def test_the_secret_that_is_shown_proves_a_deletion_and_mappings_apply(acme: Stage) -> None:
    form = await (await acme.home()).click("Add source")
    assert form is not None
    await form.fill({"What sends": "Segment"})
    shown = (await form.submit({"Name": "Website"})).modal
    assert shown is not None
    url = re.search(r"http\S+/in/\w[\w-]+", shown.words)
    secret = re.search(r"Webhook destination\W+(rrk_[\w-]+)", shown.words)
    assert url is not None
    assert secret is not None

    settings = await shown.click("Accounts and mappings")
    assert settings is not None
    wrong = await settings.submit({"Traits of contacts": "job -> title\nplan"})
    assert wrong.errors == {
        "Traits of contacts": "Line 2 needs one arrow: write it as “trait -> field”, such as “job -> title”."
    }
    await settings.submit(
        {"Traits of contacts": "job -> title", "Create an account": "When an e-mail or user id appears"}
    )
    async with acme.database.read() as session:
        [saved] = await source.of_workspace(session, ACME)
    assert (saved.mappings, saved.account_creation) == ({"contact": {"job": "title"}, "account": {}}, "contact")

    identify = {"type": "identify", "messageId": "1", "userId": "u_1", "traits": {"job": "CFO"}}
    assert await post(url[0], identify, secret[1]) == 200
    assert await post(url[0], identify, "another") == 401
    assert [one.title for one in await acme.until(lambda: people(acme))] == ["CFO"]
    assert await post(url[0], {"type": "delete", "messageId": "2", "userId": "u_1"}, secret[1]) == 200

    async def nobody() -> bool:
        return not await people(acme)

    await acme.until(nobody)
