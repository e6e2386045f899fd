"""Who is who: a manager says which account a company in a CRM is, and whose an e-mail address is."""

import json
from typing import Any

from sqlalchemy import select

from bot.sandbox.people import DANA, OLGA, WINS
from models import record, source
from models.audit import AuditEntry
from models.fact import RecordFact
from models.record import RecordState
from models.source import Source
from tests import seeds
from tests.stage import ACME, Stage, both_engines


async def send(acme: Stage, webhook: str, *records: dict[str, Any]) -> None:
    answer = await acme.post(webhook, json.dumps(list(records)).encode(), kind="application/json")
    assert (answer.status, answer.json["refused"]) == (200, []), answer.text


def account(external_id: str, name: str) -> dict[str, Any]:
    return {"type": "account", "external_id": external_id, "name": name}


def owner(email: str, external_id: str = "contoso") -> dict[str, Any]:
    return {"type": "role", "account_external_id": external_id, "role": "owner", "email": email}


def hire(acme: Stage, person: str, external_id: str = "contoso", name: str = "Contoso") -> dict[str, Any]:
    return {
        "type": "signal",
        "id": f"hire {person}",
        "kind": "new_hire",
        "person": person,
        "occurred_at": acme.clock.now().isoformat(),
        "account": {"external_id": external_id, "name": name},
    }


async def crm(acme: Stage, *facts: RecordFact) -> Source:
    """Add a CRM that has these companies, and wait until they are applied."""
    source_id, _ = await acme.add_source(name="Salesforce")
    async with acme.database.write() as session:
        origin = await source.get(session, ACME, source_id)
    now = acme.clock.now()
    told = (seeds.event_of(origin, one, key=one.external_id, occurred_at=now, received_at=now) for one in facts)
    await seeds.receive(acme.database, *told)
    await acme.until(lambda: stands(acme, origin))
    return origin


async def stands(acme: Stage, origin: Source) -> dict[RecordState, int]:
    async with acme.database.read() as session:
        return await record.counts(session, ACME, origin.id)


def company(external_id: str, **fields: Any) -> RecordFact:
    return RecordFact(external_id=external_id, roles={"owner": "dana@acme.com"}, **fields)


async def fall_back(acme: Stage) -> None:
    modal = await (await acme.home()).click("Fallback channel")
    assert modal is not None
    assert (await modal.submit({"Fallback channel": WINS})).closed


@both_engines
async def test_a_company_that_could_be_two_accounts_is_one_once_a_manager_chose_and_its_owner_hears(
    acme: Stage,
) -> None:
    _, webhook = await acme.add_source()
    await send(acme, webhook, account("contoso", "Contoso"), account("c2", "CONTOSO"))
    named = company("001", name="contoso", domain="contoso.com", url="https://crm.example.com/001")
    origin = await crm(acme, named, company("002", name="Contoso"), company("003", name="Initech"))
    assert await stands(acme, origin) == {RecordState.AMBIGUOUS: 2, RecordState.UNMATCHED: 1}

    home = await acme.home()
    assert "2 companies in Salesforce could be more than one account." in home.words
    modal = await home.click("Choose")
    assert modal is not None
    assert "<https://crm.example.com/001|contoso>*\ncontoso.com · `001`" in modal.words
    modal = await modal.click("records_account", option="Contoso", near="`001`")
    assert modal is not None
    assert "“contoso” is the account “Contoso” now." in modal.words
    modal = await modal.click("records_account", option="None of these", near="`002`")
    assert modal is not None
    assert "Every company has its account, or is none of yours." in modal.words
    await modal.close()
    assert "more than one account" not in (await acme.home()).words
    await send(acme, webhook, hire(acme, "Sofia Marín"))
    message = await acme.dana.message("@Runrate", containing="Sofia Marín")
    assert "Sent to you because dana@acme.com is named as owner of Contoso." in message.words

    assert (await acme.press({"action_id": "records_choose", "value": origin.id}, user="U0PAT")).status == 200
    details = await (await acme.home()).click("Details", near="Salesforce")
    assert details is not None
    assert "1 matched with accounts · 1 like no account · 1 none of yours, as a manager said" in details.words
    form = await details.click("Companies")
    assert form is not None
    assert "Like no account: Initech (`003`)" in form.words
    result = await form.submit({"Company in the CRM": "Initech", "Account": "Contoso"})
    assert "Several are called so." in result.errors["Account"]
    result = await form.submit({"Company in the CRM": "nobody"})
    assert "There is no company" in result.errors["Company in the CRM"]
    result = await form.submit({"Company in the CRM": "003", "Account": "c2"})
    assert result.modal is not None
    assert "“Initech” is the account “CONTOSO” now." in result.modal.words
    undone = {"Company in the CRM": "contoso.com", "What it is": "Runrate decides again"}
    result = await result.modal.submit(undone)
    assert result.modal is not None
    assert "“contoso” could be more than one account, and waits for a choice." in result.modal.words
    async with acme.database.read() as session:
        entries = [one for one in await session.scalars(select(AuditEntry)) if one.action == "record.chosen"]
    assert [one.detail["state"] for one in entries] == ["linked", "declined", "linked", "ambiguous"]


@both_engines
async def test_an_address_that_slack_does_not_know_gets_its_person(acme: Stage) -> None:
    await fall_back(acme)
    _, webhook = await acme.add_source()
    await send(acme, webhook, owner("dana@crm.example"), hire(acme, "Sofia Marín"))
    message = await acme.ada.message(WINS, containing="Sofia Marín")
    assert "dana@crm.example, the owner of Contoso, is nobody in this Slack workspace" in message.words

    home = await acme.home()
    assert "1 address names nobody whom Slack knows" in home.words
    modal = await home.click("Match e-mails")
    assert modal is not None
    modal = await modal.click("email_alias_person", option=DANA, near="dana@crm.example")
    assert modal is not None
    assert f"dana@crm.example is <@{DANA}>" in modal.words
    await send(acme, webhook, hire(acme, "Noor Haddad"))
    message = await acme.dana.message("@Runrate", containing="Noor Haddad")
    why = "Sent to you because dana@crm.example, which a manager says is you, is named as owner of Contoso."
    assert why in message.words

    result = await modal.submit({"E-mail in the CRM": "nobody"})
    assert "It is not an e-mail address" in result.errors["E-mail in the CRM"]
    assert (await modal.submit({"E-mail in the CRM": "Liam@CRM.example", "Person in Slack": "U0LIAM"})).closed
    assert "2 addresses have a person" in (await acme.home()).words
    modal = await (await acme.home()).click("Match e-mails")
    assert modal is not None
    modal = await modal.click("Remove", near="dana@crm.example")
    assert modal is not None
    assert "*Nobody whom Slack knows*" in modal.words
    assert (await modal.submit({"E-mail in the CRM": "liam@crm.example"})).closed
    assert "1 address names nobody whom Slack knows" in (await acme.home()).words


async def test_who_left_is_told_nothing_and_the_fallback_channel_hears_why(acme: Stage) -> None:
    await fall_back(acme)
    _, webhook = await acme.add_source()
    await send(acme, webhook, owner("dana@acme.com"), owner("gus@partner.example", "guests"))
    await send(acme, webhook, hire(acme, "Ida Berg", "guests", "Guests Inc"), hire(acme, "Sofia Marín"))
    await acme.dana.message("@Runrate", containing="Sofia Marín")
    await acme.person("U0GUS").message("@Runrate", containing="Ida Berg")

    acme.slack.people[DANA].deleted = True
    user = {"id": DANA, "name": "dana", "deleted": True, "profile": {"email": "dana@acme.com"}}
    assert (await acme.event({"type": "user_change", "user": user})).status == 200
    await send(acme, webhook, hire(acme, "Noor Haddad"))
    message = await acme.ada.message(WINS, containing="Noor Haddad")
    assert "Told here because dana@acme.com, the owner of Contoso, left this Slack workspace." in message.words

    modal = await (await acme.home()).click("Match e-mails")
    assert modal is not None
    result = await modal.submit({"E-mail in the CRM": "dana@acme.com", "Person in Slack": acme.bot()})
    assert "It is an app" in result.errors["Person in Slack"]
    chosen = {"email_alias_email": {"email": {"value": "dana@acme.com"}}}
    chosen["email_alias_someone"] = {"someone": {"selected_user": OLGA}}
    refused = await acme.submit({"callback_id": "email_aliases", "state": {"values": chosen}})
    assert "deactivated in Slack" in refused.json["errors"]["email_alias_someone"]
    assert (await modal.submit({"E-mail in the CRM": "dana@acme.com", "Person in Slack": "U0LIAM"})).closed
    await send(acme, webhook, hire(acme, "Lena Fischer"))
    await acme.person("U0LIAM").message("@Runrate", containing="Lena Fischer")
    user = {"id": "U0LIAM", "name": "liam", "deleted": True, "profile": {"email": "liam@acme.com"}}
    assert (await acme.event({"type": "user_change", "user": user})).status == 200
    await send(acme, webhook, hire(acme, "Max Brandt"))
    message = await acme.ada.message(WINS, containing="Max Brandt")
    assert "dana@acme.com, the owner of Contoso, left this Slack workspace" in message.words
