"""A manager looks up what is stored of a person in the Home tab, and erases a contact."""

import json

import pytest
from sqlalchemy import select

from bot.sandbox.blocks import validate_view
from handlers.views import dossiers
from handlers.views.dossiers import Known
from models import audit
from models.contact import Contact
from models.erasure import Erasure
from tests.stage import Stage

ADA = "ada@northwind.example"


@pytest.mark.parametrize("is_contact", [True, False])
def test_what_is_known_is_told_in_counts_and_a_contact_can_be_erased(*, is_contact: bool) -> None:
    who = "<!channel>" * 20
    view = dossiers.known(Known(who=who, is_contact=is_contact, contact={"contacts": 1}, colleague={"lanes": 1200}))
    validate_view(view)
    drawn = json.dumps(view["blocks"], ensure_ascii=False)
    assert ("<!channel>" in drawn, "1 × contact" in drawn, "1,200 × lanes" in drawn) == (False, True, True)
    assert ("submit" in view, dossiers.subject_of(view) == who) == (is_contact, is_contact)
    validate_view(dossiers.erased(who))


async def test_a_manager_finds_and_erases_a_contact(acme: Stage) -> None:
    _, webhook = await acme.add_source()
    contact = {"type": "contact", "email": ADA, "name": "Ada"}
    await acme.post(webhook, json.dumps(contact).encode(), kind="application/json")
    await acme.until(lambda: rows(acme, Contact))

    form = await (await acme.home()).click("Export or erase a person")
    assert form is not None
    assert (await form.submit({"E-mail address": "  "})).errors
    known = (await form.submit({"E-mail address": ADA})).modal
    assert known is not None
    assert "1 × contact" in known.words
    assert "runrate people export" in known.words
    erased = (await known.submit()).modal
    assert erased is not None
    assert "is being erased" in erased.words

    async def is_gone() -> bool:
        return not await rows(acme, Contact) and not await rows(acme, Erasure)

    await acme.until(is_gone)
    async with acme.database.read() as session:
        noted = await audit.of_workspace(session, "T0ACME", limit=5)
    assert [(one.actor, one.action) for one in noted if one.action == "person.erased"] == [("U0ADA", "person.erased")]
    assert ADA not in str([(one.subject_id, one.detail) for one in noted])


async def test_nobody_but_a_manager_looks_anybody_up(acme: Stage) -> None:
    for callback_id in (dossiers.CALLBACKS.find, dossiers.CALLBACKS.erase):
        refused = await acme.submit({"callback_id": callback_id, "private_metadata": ADA}, user="U0DANA")
        assert "Only managers can change this" in refused.text
    pressed = await acme.press({"action_id": dossiers.ACTIONS.ask}, user="U0DANA")
    assert pressed.status == 200
    [shown] = (await acme.dana.sees())["modals"]
    assert "Only managers can change this" in str(shown)


async def rows(stage: Stage, table: type[Contact] | type[Erasure]) -> list[Contact | Erasure]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(table)))
