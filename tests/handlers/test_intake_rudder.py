"""RudderStack's own Python library, unchanged, against the running product."""

import asyncio
from typing import Any

import rudderstack.analytics

from models import account, contact, event
from models.account import Account
from models.source import SourceKind
from tests.stage import ACME, Stage, both_engines


@both_engines
async def test_rudderstacks_own_library_brings_accounts_and_contacts(acme: Stage) -> None:
    _, webhook = await acme.add_source(kind=SourceKind.SEGMENT, name="RudderStack")
    errors: list[Any] = []

    def send() -> None:
        library = rudderstack.analytics.Client(
            webhook.rsplit("/", 1)[1],
            host=acme.url,
            gzip=True,
            sync_mode=True,
            on_error=lambda *told: errors.append(told),
        )
        company = {"id": "acct_42", "name": "Analytical Engines", "plan": "enterprise"}
        library.identify("old", {"title": "Countess"}, anonymous_id="a_1")
        library.identify("u_1", {"email": "Ada@Example.com", "name": "Ada Lovelace", "company": company})
        library.alias("old", "u_1")
        library.group("u_1", "acct_43", {"name": "Difference Works", "employees": 12})
        library.track("u_1", "Signed In")

    # The library takes nothing but 200 for an answer: it raises what else it gets.
    await asyncio.to_thread(send)
    assert errors == []

    async def arrived() -> list[Account]:
        async with acme.database.read() as session:
            accounts = await account.of_workspace(session, ACME)
            waiting = (await event.count_by_state(session, ACME))["waiting"]
        return accounts if len(accounts) == 2 and not waiting else []

    accounts = await acme.until(arrived)
    assert [(one.external_id, one.name) for one in accounts] == [
        ("acct_42", "Analytical Engines"),
        ("acct_43", "Difference Works"),
    ]
    async with acme.database.read() as session:
        people = [person for one in accounts for person in await contact.of_account(session, one.id)]
    assert [(one.user_id, one.email, one.name, one.title, one.anonymous_id) for one in people] == [
        ("u_1", "ada@example.com", "Ada Lovelace", "Countess", "a_1")
    ]
