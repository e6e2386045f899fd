"""Sources from the command line: the key is shown once, and later only on purpose."""

from pathlib import Path
from typing import Any

import pytest

from models import audit, poll, source, stripe
from models.database import Database
from models.secret import Keyring

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

MASKED_URL = "https://runrate.test/in/rrk_********"


async def test_adding_shows_the_url_and_the_key(run: Any, database: Database, acme: str, now: Any) -> None:
    added = (await run("sources", "add", "--kind", "api", "--name", "Billing", "--json")).document
    assert list(added) == ["id", "kind", "name", "url", "key"]
    assert (added["kind"], added["name"]) == ("api", "Billing")
    assert added["url"] == f"https://runrate.test/in/{added['key']}"
    async with database.read() as session:
        found = await source.find_by_key(session, added["key"], now=now)
    assert found is not None
    assert (found.id, found.workspace_id, found.created_by) == (added["id"], acme, "command line")


@on_one_engine
async def test_a_segment_source_shows_its_write_key_and_keeps_its_setting(
    run: Any, database: Database, acme: str
) -> None:
    args = ("--kind", "Segment", "--name", "Website", "--account-creation", "contact")
    words = (await run("sources", "add", *args)).words
    assert "Write key" in words
    async with database.read() as session:
        [found] = await source.of_workspace(session, acme)
    assert (found.kind, found.account_creation) == ("segment", "contact")


async def test_a_name_is_given_once(run: Any, acme: str) -> None:
    await run("sources", "add", "--kind", "api", "--name", "Billing")
    result = await run("sources", "add", "--kind", "api", "--name", "billing", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Another source has this name already. Choose another one.\n"


@on_one_engine
async def test_without_keys_nothing_is_added(run: Any, acme: str) -> None:
    result = await run("sources", "add", "--kind", "api", "--name", "Billing", RUNRATE_SECRET_KEYS="")
    assert result.exit_code == 1
    assert "runrate keys new" in result.stderr
    assert (await run("sources", "list", "--json")).document == []


async def test_the_list_masks_the_keys(run: Any, acme: str) -> None:
    added = (await run("sources", "add", "--kind", "api", "--name", "Billing", "--json")).document
    masked = {**added, "key": "rrk_********", "url": MASKED_URL}
    assert (await run("sources", "list", "--json")).document == [masked]
    words = (await run("sources", "list")).words
    assert MASKED_URL in words
    assert added["key"] not in words


async def test_the_list_shows_the_keys_on_purpose_and_audits_that(run: Any, database: Database, acme: str) -> None:
    added = (await run("sources", "add", "--kind", "api", "--name", "Billing", "--json")).document
    assert (await run("sources", "list", "--show-keys", "--json")).document == [added]
    async with database.read() as session:
        [newest, *_] = await audit.of_workspace(session, acme)
    assert (newest.action, newest.actor, newest.subject_id) == ("source.key_shown", "command line", added["id"])


async def test_the_source_of_imports_has_no_webhook(
    run: Any, database: Database, acme: str, keyring: Keyring, now: Any
) -> None:
    async with database.write() as session:
        await source.the_import(session, acme, keyring=keyring, now=now)
    for args in ((), ("--show-keys",)):
        [shown] = (await run("sources", "list", "--json", *args)).document
        assert (shown["kind"], shown["url"], shown["key"]) == ("csv", None, None)
    assert "runrate import" in (await run("sources", "list")).words


@pytest.mark.parametrize("by", ["id", "name"])
async def test_removing_by_id_or_by_name_closes_the_webhook(
    run: Any, database: Database, acme: str, by: str, now: Any
) -> None:
    added = (await run("sources", "add", "--kind", "api", "--name", "My billing", "--json")).document
    called = added["id"] if by == "id" else " my  BILLING"
    removed = (await run("sources", "remove", called, "--json")).document
    assert removed == {"id": added["id"], "kind": "api", "name": "My billing"}
    async with database.read() as session:
        assert await source.find_by_key(session, added["key"], now=now) is None
    again = await run("sources", "remove", called)
    assert (again.exit_code, again.stderr) == (
        1, "There is no such source; runrate sources list shows which there are.\n",
    )  # fmt: skip


async def test_a_rotated_key_is_shown_and_the_old_one_works_on_unless_it_leaked(
    run: Any, database: Database, acme: str, now: Any
) -> None:
    keys = [(await run("sources", "add", "--kind", "api", "--name", "Billing", "--json")).document["key"]]
    for args in ((), ("--leaked",)):
        rotated = (await run("sources", "rotate", "Billing", "--json", *args)).document
        keys.append(rotated["key"])
        assert rotated["url"].endswith(rotated["key"])
        async with database.read() as session:
            opens = [await source.find_by_key(session, key, now=now) is not None for key in keys]
        assert opens == ([False, False, True] if args else [True, True])
    assert "works for another 24 hours" in (await run("sources", "rotate", "Billing")).words
    again = await run("sources", "rotate", "Billing")
    assert (again.exit_code, "works still" in again.stderr) == (1, True)


async def test_a_source_is_renamed_paused_resumed_and_removed_with_what_it_brought(
    run: Any, database: Database, acme: str
) -> None:
    added = (await run("sources", "add", "--kind", "api", "--name", "Billing", "--json")).document
    shown = {"id": added["id"], "kind": "api", "name": "Invoices"}
    assert (await run("sources", "rename", "Billing", "Invoices", "--json")).document == shown

    async def paused() -> bool:
        async with database.read() as session:
            return (await source.get(session, acme, added["id"])).paused_at is not None

    assert "“Invoices” is paused" in (await run("sources", "pause", "invoices")).words
    assert await paused()
    assert (await run("sources", "resume", "Invoices", "--json")).document == shown
    assert not await paused()
    assert (await run("sources", "remove", "Invoices", "--with-data", "--json")).document == shown
    async with database.read() as session:
        assert [one.id for one in await source.forgotten(session)] == [added["id"]]


async def test_another_workspaces_source_is_as_if_it_did_not_exist(run: Any, install: Any, acme: str) -> None:
    await install("T0GLOBEX", "Globex")
    args = ("sources", "add", "--kind", "api", "--name", "Theirs", "--json", "--workspace", "T0GLOBEX")
    theirs = (await run(*args)).document
    assert (await run("sources", "list", "--json", "--workspace", acme)).document == []
    for called in (theirs["id"], "Theirs"):
        assert (await run("sources", "remove", called, "--workspace", acme)).exit_code == 1


@on_one_engine
async def test_an_empty_list_says_what_to_do(run: Any, acme: str) -> None:
    assert "runrate sources add" in (await run("sources", "list")).words
    assert (await run("sources", "list", "--json")).document == []


@on_one_engine
async def test_a_chartmogul_source_takes_an_api_key_that_is_kept_encrypted_and_printed_nowhere(
    run: Any, database: Database, acme: str
) -> None:
    args = ("sources", "add", "--kind", "chartmogul", "--name", "ChartMogul", "--json")
    result = await run(*args, CHARTMOGUL_API_KEY="planted-api-key")
    async with database.read() as session:
        found = await poll.of_source(session, result.document["id"])
    assert found is not None
    assert "planted-api-key" not in found.credentials_sealed + result.stdout + result.stderr

    refused = await run("sources", "add", "--kind", "chartmogul", "--name", "Another", CHARTMOGUL_API_KEY="two words")
    assert refused.exit_code == 1
    assert "two words" not in refused.stderr
    async with database.read() as session:
        assert [one.name for one in await source.of_workspace(session, acme)] == ["ChartMogul"]


@on_one_engine
async def test_a_crm_is_added_with_what_opens_it_and_has_no_url(run: Any, database: Database, acme: str) -> None:
    hubspot = ("sources", "add", "--kind", "hubspot", "--name", "HubSpot", "--role", "csm=csm_owner", "--json")
    added = (await run(*hubspot, HUBSPOT_SERVICE_KEY="planted-key")).document
    assert (added["kind"], added["url"], added["key"]) == ("hubspot", None, None)
    salesforce = ("sources", "add", "--kind", "salesforce", "--name", "CRM", "--url", "https://acme.my.salesforce.com")
    refused = await run(*salesforce, "--client-id", "3MVG9")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Enter the consumer secret" in refused.stderr
    words = (await run(*salesforce, "--client-id", "3MVG9", SALESFORCE_CLIENT_SECRET="planted-secret")).words
    assert "planted" not in words
    async with database.read() as session:
        polled = await poll.of_sources(session, [one.id for one in await source.of_workspace(session, acme)])
    assert sorted(one.kind for one in polled.values()) == ["hubspot", "salesforce"]
    assert not any("planted" in one.credentials_sealed for one in polled.values())
    assert "is asked" in (await run("sources", "list")).words


async def test_a_stripe_source_takes_its_secrets_from_a_file_or_the_environment_and_prints_none(
    run: Any, database: Database, acme: str, tmp_path: Path, keyring: Keyring
) -> None:
    args = ("sources", "add", "--kind", "stripe", "--name", "Payments", "--json")
    added = await run(*args, STRIPE_SIGNING_SECRET="whsec_planted_1", STRIPE_API_KEY="rk_planted")
    file = tmp_path / "secret.txt"
    file.write_text("whsec_planted_2\n")
    second = await run("sources", "sign", "Payments", "--signing-secret", str(file))
    assert second.stdout == "“Payments” takes what is signed with 2 secrets.\n"
    assert await secrets_of(database, acme, keyring) == ("whsec_planted_1", "whsec_planted_2")
    file.write_text("whsec_planted_3")
    third = await run("sources", "sign", "Payments", "--signing-secret", str(file), "--only", "--json")
    assert third.document["signing_secrets"] == 1
    assert await secrets_of(database, acme, keyring) == ("whsec_planted_3",)
    async with database.read() as session:
        assert await poll.of_source(session, added.document["id"]) is not None
    for result in (added, second, third):
        assert "planted" not in result.stdout + result.stderr


@on_one_engine
async def test_a_signing_secret_is_for_stripe_and_has_to_stand_somewhere(run: Any, acme: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("hello")
    await run("sources", "add", "--kind", "api", "--name", "Billing", STRIPE_SIGNING_SECRET="whsec_1")
    signing = ("--signing-secret", str(file))
    for args, code, said in (
        (("sources", "add", "--kind", "api", "--name", "Other", *signing), 2, "for sources of kind stripe"),
        (("sources", "add", "--kind", "stripe", "--name", "Other", *signing), 1, "it begins with whsec_"),
        (("sources", "sign", "Billing", *signing), 1, "Only a Stripe source has signing secrets."),
        (("sources", "sign", "Billing"), 2, "Say where the secret stands"),
    ):
        result = await run(*args)
        assert (result.exit_code, said in result.stderr) == (code, True), result.stderr
        assert "hello" not in result.stderr
    assert [one["name"] for one in (await run("sources", "list", "--json")).document] == ["Billing"]


async def secrets_of(database: Database, workspace_id: str, keyring: Keyring) -> tuple[str, ...]:
    async with database.read() as session:
        found = await source.find_by_name(session, workspace_id, "Payments")
    assert found is not None
    return stripe.secrets(found, keyring=keyring)
