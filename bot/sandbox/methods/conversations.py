"""The conversations.* methods, and users.conversations."""

from bot.sandbox import scopes, shapes
from bot.sandbox.errors import SlackError
from bot.sandbox.methods.method import Ask, Method
from bot.sandbox.methods.paging import metadata, page
from bot.sandbox.records import Channel, ChannelKind, Json, Person

KINDS: dict[str, ChannelKind] = {
    "public_channel": "public",
    "private_channel": "private",
    "mpim": "mpim",
    "im": "im",
}
MOST_LISTED = 999
MOST_MEMBERS = 1_000
MOST_OPENED = 8
NOT_BY_KIND = "method_not_supported_for_channel_type"


async def _list(ask: Ask) -> Json:
    kinds = _kinds(ask)
    bot = ask.caller.bot
    seen = [one for one in ask.slack.visible_channels(bot) if one.kind in kinds]
    shown, cursor = _shown(ask, seen)
    drawn = [shapes.channel(one, bot, num_members=not one.is_direct) for one in shown]
    return {"channels": drawn, **metadata(cursor)}


async def _users_conversations(ask: Ask) -> Json:
    kinds = _kinds(ask)
    bot = ask.caller.bot
    person = ask.person(code="invalid_arguments") if ask.args.text("user") else bot
    both = [one for one in ask.slack.visible_channels(bot) if person.id in one.members]
    shown, cursor = _shown(ask, [one for one in both if one.kind in kinds])
    return {"channels": [shapes.listed_channel(one, bot) for one in shown], **metadata(cursor)}


def _shown(ask: Ask, channels: list[Channel]) -> tuple[list[Channel], str]:
    shown, cursor = page(ask.args, channels, lambda one: one.id, most=MOST_LISTED)
    # Slack cuts the page before it leaves out what is archived, so that a page may be short or empty.
    if ask.args.flag("exclude_archived"):
        shown = [one for one in shown if not one.is_archived]
    return shown, cursor


def _kinds(ask: Ask) -> set[ChannelKind]:
    asked = ask.args.names("types") or ["public_channel"]
    if not set(asked) <= KINDS.keys():
        raise SlackError("invalid_types")
    for one in asked:
        scopes.require(ask.caller.scopes, f"{scopes.FAMILY[KINDS[one]]}:read")
    return {KINDS[one] for one in asked}


async def _info(ask: Ask) -> Json:
    channel = _readable(ask)
    drawn = shapes.channel(channel, ask.caller.bot, num_members=ask.args.flag("include_num_members"))
    read_only = channel.restriction == "restricted_action_read_only_channel"
    return {"channel": drawn | {"conversation_host_id": channel.workspace_ids[0], "is_read_only": read_only}}


async def _members(ask: Ask) -> Json:
    channel = _readable(ask)
    shown, cursor = page(ask.args, channel.members, str, most=MOST_MEMBERS)
    return {"members": shown, **metadata(cursor)}


def _readable(ask: Ask) -> Channel:
    channel = ask.channel()
    scopes.require(ask.caller.scopes, scopes.for_channel(channel, "read"))
    return channel


async def _join(ask: Ask) -> Json:
    channel = ask.channel()
    if channel.kind != "public":
        raise SlackError(NOT_BY_KIND)
    if channel.is_archived:
        raise SlackError("is_archived")
    already = ask.caller.bot.id in channel.members
    await ask.slack.join(channel, ask.caller.bot)
    answer: Json = {"channel": shapes.channel(channel, ask.caller.bot)}
    return answer | (_warning("already_in_channel") if already else {})


def _warning(word: str) -> Json:
    return {"warning": word, "response_metadata": {"warnings": [word]}}


async def _leave(ask: Ask) -> Json:
    channel = ask.channel()
    if channel.is_direct:
        raise SlackError(NOT_BY_KIND)
    scopes.require(ask.caller.scopes, *_managing(channel))
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.is_general:
        raise SlackError("cant_leave_general")
    if ask.caller.bot.id not in channel.members:
        return {"not_in_channel": True}
    await ask.slack.leave(channel, ask.caller.bot)
    return {}


def _managing(channel: Channel) -> tuple[str, ...]:
    return ("channels:manage", "channels:write") if channel.kind == "public" else ("groups:write",)


async def _open(ask: Ask) -> Json:
    if ask.args.text("channel"):
        channel = ask.channel()
        if not channel.is_direct:
            raise SlackError(NOT_BY_KIND)
        return _opened(ask, channel, already=True)
    people = _to_open_with(ask)
    scopes.require(ask.caller.scopes, "im:write" if len(people) == 1 else "mpim:write")
    ids = [ask.caller.bot.id, *(person.id for person in people)]
    already = ask.slack.direct(ask.caller.workspace.id, ids) is not None
    if not already and ask.args.flag("prevent_creation"):
        raise SlackError("channel_not_found")
    return _opened(ask, ask.slack.open_direct(ask.caller.workspace.id, ids), already=already)


def _to_open_with(ask: Ask) -> list[Person]:
    names = list(dict.fromkeys(ask.args.names("users")))
    if not names:
        raise SlackError("users_list_not_supplied")
    if len(names) > MOST_OPENED:
        raise SlackError("too_many_users")
    return [_reachable(ask, name) for name in names]


def _reachable(ask: Ask, name: str) -> Person:
    person = ask.slack.person(ask.caller.workspace.id, name)
    if person is None or person.id == ask.caller.bot.id:
        raise SlackError("user_not_found")
    if person.deleted:
        raise SlackError("user_disabled")
    return person


def _opened(ask: Ask, channel: Channel, *, already: bool) -> Json:
    drawn = shapes.listed_channel(channel, ask.caller.bot) if ask.args.flag("return_im") else {"id": channel.id}
    return {"channel": drawn} | ({"no_op": True, "already_open": True} if already else {})


async def _invite(ask: Ask) -> Json:
    channel = ask.channel()
    if channel.is_direct:
        raise SlackError(NOT_BY_KIND)
    managing = (*_managing(channel), f"{scopes.FAMILY[channel.kind]}:write.invites")
    scopes.require(ask.caller.scopes, *managing)
    if channel.is_archived:
        raise SlackError("is_archived")
    if ask.caller.bot.id not in channel.members:
        raise SlackError("not_in_channel")
    people = [_invited(ask, channel, name) for name in ask.args.names("users")]
    if not people:
        raise SlackError("no_user")
    for person in people:
        await ask.slack.join(channel, person, inviter=ask.caller.bot.id)
    return {"channel": shapes.channel(channel, ask.caller.bot)}


def _invited(ask: Ask, channel: Channel, name: str) -> Person:
    person = ask.slack.person(ask.caller.workspace.id, name)
    if person is None or person.deleted:
        raise SlackError("user_not_found")
    if person.id == ask.caller.bot.id:
        raise SlackError("cant_invite_self")
    if person.id in channel.members:
        raise SlackError("already_in_channel")
    return person


LIST_ERRORS = frozenset({"invalid_cursor", "invalid_limit", "invalid_types"})
METHODS = [
    Method("conversations.list", _list, tier=2, scopes=scopes.READ, errors=LIST_ERRORS),
    Method(
        "users.conversations",
        _users_conversations,
        tier=3,
        scopes=scopes.READ,
        errors=LIST_ERRORS,
    ),
    Method(
        "conversations.info",
        _info,
        tier=3,
        scopes=scopes.READ,
        required=("channel",),
        errors=frozenset({"channel_not_found"}),
    ),
    Method(
        "conversations.members",
        _members,
        tier=4,
        scopes=scopes.READ,
        required=("channel",),
        errors=frozenset({"channel_not_found", "invalid_cursor", "invalid_limit"}),
    ),
    Method(
        "conversations.join",
        _join,
        tier=3,
        scopes=("channels:join",),
        required=("channel",),
        errors=frozenset({"channel_not_found", "is_archived", NOT_BY_KIND}),
    ),
    Method(
        "conversations.leave",
        _leave,
        tier=3,
        scopes=("channels:manage", "channels:write", "groups:write"),
        required=("channel",),
        errors=frozenset({"channel_not_found", "is_archived", "cant_leave_general", NOT_BY_KIND}),
    ),
    Method(
        "conversations.open",
        _open,
        tier=3,
        scopes=("im:write", "mpim:write"),
        errors=frozenset(
            {
                "channel_not_found",
                "too_many_users",
                "user_disabled",
                "user_not_found",
                "users_list_not_supplied",
                NOT_BY_KIND,
            }
        ),
    ),
    Method(
        "conversations.invite",
        _invite,
        tier=3,
        scopes=("channels:manage", "channels:write.invites", "groups:write", "groups:write.invites"),
        required=("channel", "users"),
        errors=frozenset(
            {
                "already_in_channel",
                "cant_invite_self",
                "channel_not_found",
                "is_archived",
                "no_user",
                "not_in_channel",
                "user_not_found",
                NOT_BY_KIND,
            }
        ),
    ),
]
