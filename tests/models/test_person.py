"""People: who they are, and who of them may change something."""

from datetime import timedelta
from typing import Any

from models import audit, person
from models.database import Database
from models.person import Person
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW


async def remember(database: Database, workspace_id: str = ACME, **user: Any) -> Person:
    async with database.write() as session:
        return await person.remember(session, workspace_id, {"id": "U0PAT", "name": "pat", **user}, now=NOW)


async def test_a_person_is_remembered_as_slack_says_and_kept_once(database: Database) -> None:
    await remember(database, profile={"real_name": "Pat Singh", "display_name": "", "email": "Pat@Acme.com"})
    await remember(
        database, profile={"real_name": "Patty Singh", "display_name": "Patty"}, tz="Asia/Tokyo", deleted=True
    )
    async with database.read() as session:
        found = await person.get(session, ACME, "U0PAT")
        assert await person.get(session, GLOBEX, "U0PAT") is None
    assert found is not None
    assert (found.name, found.email, found.time_zone, found.is_deactivated) == ("Patty Singh", None, "Asia/Tokyo", True)


OF_BOTH = {"enterprise_id": "E1", "teams": [ACME, GLOBEX]}
AT_HOME_ELSEWHERE = {"team_id": GLOBEX, "is_admin": True, "enterprise_user": OF_BOTH}

MANAGERS: dict[str, tuple[dict[str, Any], bool, bool]] = {
    "a member": ({}, False, False),
    "an admin": ({"is_admin": True}, False, True),
    "an owner": ({"is_owner": True}, False, True),
    "a member who was named": ({}, True, True),
    "a deactivated admin": ({"is_admin": True, "deleted": True}, True, False),
    "a guest who was named": ({"is_restricted": True}, True, False),
    "a single-channel guest": ({"is_ultra_restricted": True}, True, False),
    "another company's admin": ({"is_stranger": True, "is_admin": True}, False, False),
    "another company's admin in a shared channel": ({"team_id": GLOBEX, "is_admin": True}, False, False),
    "an admin here of an organisation": ({"team_id": ACME, "is_admin": True, "enterprise_user": OF_BOTH}, False, True),
    "an admin at home in another workspace of it": (AT_HOME_ELSEWHERE, False, True),
    "an admin of the whole organisation": ({"enterprise_user": {**OF_BOTH, "is_admin": True}}, False, True),
    "somebody named who isn't in this workspace of it": ({"enterprise_user": {"teams": [GLOBEX]}}, True, False),
}
"""What Slack says of somebody, whether an admin named them, and whether they may change something."""


async def test_managers_are_admins_and_whom_they_name_but_no_guests(database: Database) -> None:
    for name, (user, is_named, may) in MANAGERS.items():
        somebody = await remember(database, id=name, **user)
        async with database.write() as session:
            await person.name_managers(session, ACME, [name] if is_named else [], by="U0ADA", now=NOW)
            assert await person.is_manager(session, somebody) is may, name


async def test_with_an_organisations_token_slack_may_speak_of_an_admin_of_another_workspace(database: Database) -> None:
    await seeds.install_organisation(database, ACME)
    assert not (await remember(database, **AT_HOME_ELSEWHERE)).is_admin
    assert (await remember(database, **AT_HOME_ELSEWHERE | {"team_id": ACME})).is_admin
    await seeds.install(database)
    assert (await remember(database, **AT_HOME_ELSEWHERE)).is_admin, "a workspace's own token speaks of it alone"


async def test_named_managers_are_replaced_as_a_whole_within_their_workspace(database: Database) -> None:
    async with database.write() as session:
        await person.name_managers(session, ACME, ["U0PAT", "U0MEI", "U0PAT"], by="U0ADA", now=NOW)
        await person.name_managers(session, GLOBEX, ["U1HUGO"], by="U1GINA", now=NOW)
    async with database.write() as session:
        await person.name_managers(session, ACME, ["U0MEI", "U0LIAM"], by="U0ADA", now=NOW)
    async with database.read() as session:
        assert await person.named_managers(session, ACME) == ["U0LIAM", "U0MEI"]
        assert await person.named_managers(session, GLOBEX) == ["U1HUGO"]
        entry = (await audit.of_workspace(session, ACME))[0]
    assert (entry.action, entry.detail) == ("managers.named", {"managers": ["U0LIAM", "U0MEI"]})


async def test_who_left_is_no_manager_any_more(database: Database) -> None:
    async with database.write() as session:
        await person.name_managers(session, ACME, ["U0PAT", "U0MEI", "U0GUS"], by="U0ADA", now=NOW)
        await person.remember(session, ACME, {"id": "U0MEI", "name": "mei", "deleted": True}, now=NOW)
        await person.remember(session, ACME, {"id": "U0GUS", "name": "gus", "is_restricted": True}, now=NOW)
    async with database.read() as session:
        assert await person.present_managers(session, ACME) == ["U0PAT"]
        assert await person.named_managers(session, ACME) == ["U0GUS", "U0MEI", "U0PAT"], "they may come back"


async def test_being_named_in_one_workspace_means_nothing_in_another(database: Database) -> None:
    async with database.write() as session:
        await person.name_managers(session, GLOBEX, ["U0PAT"], by="U1GINA", now=NOW)
    somebody = await remember(database)
    async with database.read() as session:
        assert not await person.is_manager(session, somebody)


async def test_what_we_know_of_a_person_is_believed_for_an_hour(database: Database) -> None:
    somebody = await remember(database)
    assert person.is_fresh(somebody, now=NOW + timedelta(minutes=59))
    assert not person.is_fresh(somebody, now=NOW + timedelta(minutes=60))
    assert not person.is_fresh(None, now=NOW)
