"""Slack's objects (user, channel, message, view, team) as JSON, drawn from our records."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bot.sandbox.records import Channel, File, Json, Message, Person, View, Workspace

if TYPE_CHECKING:
    from bot.sandbox.state import Slack


def person(one: Person, *, with_email: bool = True) -> Json:
    """Draw a user object; the e-mail address is left out for those without the scope to read it."""
    now = datetime.fromtimestamp(one.updated_at, tz=UTC).astimezone(ZoneInfo(one.tz))
    offset = now.utcoffset()
    return {
        "id": one.id,
        "team_id": one.workspace_id,
        "name": one.name,
        "deleted": one.deleted,
        "color": "9f69e7",
        "real_name": one.real_name,
        "tz": one.tz,
        "tz_label": now.tzname() or one.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "profile": {**profile(one, with_email=with_email), "team": one.workspace_id},
        "is_admin": one.is_admin or one.is_owner,
        "is_owner": one.is_owner,
        "is_primary_owner": one.is_owner,
        "is_restricted": one.is_restricted,
        "is_ultra_restricted": False,
        "is_bot": one.is_bot,
        "is_app_user": False,
        "updated": int(one.updated_at),
        "is_email_confirmed": one.email is not None,
    } | ({"enterprise_user": _enterprise_user(one)} if one.enterprise_id else {})


def _enterprise_user(one: Person) -> Json:
    return {
        "id": one.id,
        "enterprise_id": one.enterprise_id,
        "enterprise_name": "",
        "is_admin": one.is_org_admin,
        "is_owner": False,
        "teams": one.workspace_ids,
    }


def profile(one: Person, *, with_email: bool = True) -> Json:
    first, _, last = one.real_name.partition(" ")
    drawn: Json = {
        "title": one.title,
        "phone": "",
        "real_name": one.real_name,
        "real_name_normalized": one.real_name,
        "display_name": one.name,
        "display_name_normalized": one.name,
        "status_text": "",
        "status_emoji": "",
        "first_name": first,
        "last_name": last,
    }
    if one.bot_id:
        drawn |= {"bot_id": one.bot_id, "api_app_id": one.app_id or ""}
    if with_email and one.email:
        drawn["email"] = one.email
    return drawn


def team(workspace: Workspace) -> Json:
    return {
        "id": workspace.id,
        "name": workspace.name,
        "domain": workspace.domain,
        "email_domain": workspace.email_domain,
        "url": workspace_url(workspace),
        "icon": {"image_default": True},
        "is_verified": False,
    }


def workspace_url(workspace: Workspace) -> str:
    return f"https://{workspace.domain}.slack.com/"


def permalink(workspace: Workspace, one: Message) -> str:
    link = f"{workspace_url(workspace)}archives/{one.channel_id}/p{one.ts.replace('.', '')}"
    return f"{link}?thread_ts={one.thread_ts}&cid={one.channel_id}" if one.thread_ts else link


def bot(one: Person) -> Json:
    """Draw what tells of a bot, in bots.info and beside its messages."""
    return {
        "id": one.bot_id,
        "deleted": one.deleted,
        "name": one.real_name,
        "updated": int(one.updated_at),
        "app_id": one.app_id,
    }


def channel(one: Channel, viewer: Person, *, num_members: bool = False) -> Json:
    """Draw a conversation object as this member sees it."""
    drawn = {**listed_channel(one, viewer), "is_member": viewer.id in one.members}
    return drawn | ({"num_members": len(one.members)} if num_members else {})


def listed_channel(one: Channel, viewer: Person) -> Json:
    """Draw a conversation object as it stands in the list of a person's own conversations."""
    return _direct(one, viewer) if one.kind == "im" else _channel(one, viewer)


def _channel(one: Channel, viewer: Person) -> Json:
    return {
        "id": one.id,
        "name": one.name,
        "name_normalized": one.name,
        # A private channel made since 2021 is a channel too: only is_private and is_mpim can be relied on.
        "is_channel": one.kind == "public",
        "is_group": one.kind == "private",
        "is_im": False,
        "is_mpim": one.kind == "mpim",
        "is_private": one.is_private,
        "created": int(one.created_at),
        "creator": one.creator,
        "is_archived": one.is_archived,
        "is_general": one.is_general,
        "unlinked": 0,
        "is_shared": one.is_shared,
        "is_ext_shared": one.is_ext_shared,
        "is_org_shared": one.is_org_shared,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "pending_connected_team_ids": [],
        "shared_team_ids": list(one.workspace_ids),
        "context_team_id": viewer.workspace_id,
        "updated": int(one.created_at * 1000),
        "topic": {"value": one.topic, "creator": "", "last_set": 0},
        "purpose": {"value": one.purpose, "creator": "", "last_set": 0},
        "previous_names": list(one.previous_names),
    }


def _direct(one: Channel, viewer: Person) -> Json:
    return {
        "id": one.id,
        "created": int(one.created_at),
        "is_im": True,
        "is_archived": False,
        "is_org_shared": False,
        "context_team_id": viewer.workspace_id,
        "user": next((user for user in one.members if user != viewer.id), viewer.id),
    }


def message(slack: "Slack", one: Message, *, metadata: bool = True) -> Json:
    """Draw a message object. Without `metadata` only the metadata's type is told, as Slack does."""
    drawn: Json = {"type": "message", "user": one.user_id, "ts": one.ts, "text": one.text, "team": one.workspace_id}
    if one.subtype:
        drawn["subtype"] = one.subtype
    if one.bot_id:
        drawn |= {"bot_id": one.bot_id, "app_id": one.app_id, "bot_profile": _bot_profile(slack, one)}
    if one.username or one.icon_emoji or one.icon_url:
        drawn |= _customised(one)
    drawn |= {name: value for name in ("blocks", "attachments") if (value := getattr(one, name))}
    if one.files:
        drawn["files"] = [file(slack, slack.files[file_id]) for file_id in one.files]
    if one.metadata:
        drawn["metadata"] = one.metadata if metadata else {"event_type": one.metadata["event_type"]}
    if one.edited_ts:
        drawn["edited"] = {"user": one.user_id, "ts": one.edited_ts}
    if one.ephemeral_for:
        drawn["is_ephemeral"] = True
    return drawn | _thread(slack, one)


def file_address(base: str, one: File) -> str:
    return f"{base}/files-pri/{one.workspace_id}-{one.id}/{quote(one.name, safe='')}"


def file(slack: "Slack", one: File) -> Json:
    """Draw a file object."""
    address = file_address(slack.url, one)
    shared = [channel for channel in slack.channels_of(one.workspace_id) if _shows(channel, one)]
    return {
        "id": one.id,
        "created": int(one.created_at),
        "timestamp": int(one.created_at),
        "name": one.name,
        "title": one.title or one.name,
        "mimetype": one.kind,
        "filetype": one.kind.rpartition("/")[2],
        "pretty_type": one.kind.rpartition("/")[2].upper(),
        "user": one.user_id,
        "user_team": one.workspace_id,
        "editable": False,
        "size": one.length,
        "mode": "hosted",
        "is_external": False,
        "external_type": "",
        "is_public": any(channel.kind == "public" for channel in shared),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": address,
        "url_private_download": address,
        "permalink": f"{slack.url}/files/{one.user_id}/{one.id}",
        "comments_count": 0,
        "is_starred": False,
        "shares": {},
        "channels": [channel.id for channel in shared if channel.kind == "public"],
        "groups": [channel.id for channel in shared if channel.kind in ("private", "mpim")],
        "ims": [channel.id for channel in shared if channel.kind == "im"],
        "has_rich_preview": False,
        "file_access": "visible",
        "alt_txt": one.alt_text,
    }


def _shows(channel: Channel, one: File) -> bool:
    return any(one.id in (message.files or []) for message in channel.messages.values())


def _customised(one: Message) -> Json:
    icons = {"emoji": one.icon_emoji} if one.icon_emoji else {"image_64": one.icon_url} if one.icon_url else {}
    drawn: Json = {"subtype": "bot_message"}
    return drawn | ({"username": one.username} if one.username else {}) | ({"icons": icons} if icons else {})


def _bot_profile(slack: "Slack", one: Message) -> Json:
    return {**bot(slack.people[one.user_id]), "team_id": one.workspace_id}


def _thread(slack: "Slack", one: Message) -> Json:
    if one.thread_ts:
        parent = slack.channels[one.channel_id].messages.get(one.thread_ts)
        return {"thread_ts": one.thread_ts} | ({"parent_user_id": parent.user_id} if parent else {})
    replies = slack.channels[one.channel_id].replies(one.ts)
    if not replies:
        return {}
    users = list(dict.fromkeys(reply.user_id for reply in replies))
    return {
        "thread_ts": one.ts,
        "reply_count": len(replies),
        "reply_users_count": len(users),
        "latest_reply": replies[-1].ts,
        "reply_users": users,
    }


def view(one: View, *, enterprise_id: str | None = None) -> Json:
    """Draw a view object as Slack answers and sends it; `enterprise_id` is that of an organisation's installation."""
    body = one.body
    drawn: Json = {
        "id": one.id,
        "team_id": one.workspace_id,
        "type": one.kind,
        "blocks": body["blocks"],
        "private_metadata": body.get("private_metadata") or "",
        "callback_id": body.get("callback_id") or "",
        "external_id": one.external_id,
        "state": {"values": one.state},
        "hash": one.hash,
        "title": body.get("title") or {"type": "plain_text", "text": "View Title", "emoji": True},
        "close": body.get("close"),
        "submit": body.get("submit"),
        "clear_on_close": bool(body.get("clear_on_close", False)),
        "notify_on_close": bool(body.get("notify_on_close", False)),
        "root_view_id": one.root_view_id,
        "previous_view_id": one.previous_view_id,
        "app_id": one.app_id,
        "app_installed_team_id": enterprise_id or one.workspace_id,
        "bot_id": one.bot_id,
    }
    return drawn
