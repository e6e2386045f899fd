"""users.info, users.list, users.lookupByEmail, users.profile.get and usergroups.list."""

from bot.sandbox import shapes
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.methods.paging import metadata, page
from bot.sandbox.records import Json, Person, UserGroup

MOST_LISTED = 1_000


async def _info(ask: Ask) -> Json:
    return {"user": _drawn(ask, ask.person())}


async def _list(ask: Ask) -> Json:
    people = ask.slack.people_of(ask.caller.workspace.id)
    shown, cursor = page(
        ask.args, people, lambda one: one.id, most=MOST_LISTED, default=MOST_LISTED, refusal="invalid_arguments"
    )
    drawn = [_drawn(ask, one) for one in shown]
    return {"members": drawn, "cache_ts": int(ask.slack.now()), **metadata(cursor)}


async def _lookup_by_email(ask: Ask) -> Json:
    wanted = ask.required("email").casefold()
    for person in ask.slack.people_of(ask.caller.workspace.id):
        # A deactivated person is not found, exactly as somebody who never was.
        if person.email and person.email.casefold() == wanted and not person.deleted:
            return {"user": _drawn(ask, person)}
    raise SlackError("users_not_found")


async def _profile(ask: Ask) -> Json:
    person = ask.person() if ask.args.text("user") else ask.caller.bot
    return {"profile": shapes.profile(person, with_email=_reads_email(ask))}


def _drawn(ask: Ask, person: Person) -> Json:
    drawn = shapes.person(person, with_email=_reads_email(ask))
    return drawn | ({"locale": person.locale} if ask.args.flag("include_locale") else {})


def _reads_email(ask: Ask) -> bool:
    return "users:read.email" in ask.caller.scopes


async def _user_groups(ask: Ask) -> Json:
    own = [one for one in ask.slack.user_groups.values() if one.workspace_id == ask.caller.workspace.id]
    shown = [one for one in own if one.disabled_at is None or ask.args.flag("include_disabled")]
    return {"usergroups": [_drawn_group(ask, one) for one in shown]}


def _drawn_group(ask: Ask, group: UserGroup) -> Json:
    drawn: Json = {
        "id": group.id,
        "team_id": group.workspace_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": int(group.created_at),
        "date_update": int(group.created_at),
        "date_delete": int(group.disabled_at or 0),
        "created_by": group.created_by,
        "user_count": len(group.members),
    }
    return drawn | ({"users": list(group.members)} if ask.args.flag("include_users") else {})


READ = ("users:read",)
METHODS = [
    Method("users.info", _info, tier=4, scopes=READ, required=("user",), errors=frozenset({"user_not_found"})),
    Method("users.list", _list, tier=2, scopes=READ, errors=frozenset({"invalid_cursor"})),
    Method(
        "users.lookupByEmail",
        _lookup_by_email,
        tier=3,
        scopes=("users:read.email",),
        required=("email",),
        errors=frozenset({"users_not_found"}),
    ),
    Method(
        "users.profile.get",
        _profile,
        tier=4,
        scopes=("users.profile:read",),
        errors=frozenset({"user_not_found"}),
    ),
    Method("usergroups.list", _user_groups, tier=2, scopes=("usergroups:read",)),
]
