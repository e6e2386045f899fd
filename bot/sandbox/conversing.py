"""What a person says and does in conversations: messages, mentions, commands, invitations."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from bot.sandbox import interactions, replies, unfurling, wording
from bot.sandbox.app import SlackApp
from bot.sandbox.errors import NotPossibleError, SlackError
from bot.sandbox.interactions import Actor
from bot.sandbox.outbound import Answer, Outbound
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Channel, Json, Message, Person, ResponseUrl
from bot.sandbox.state import Slack

INVITE, LEAVE_BE = "slackbot_invite_them", "slackbot_do_nothing"


@dataclass(frozen=True)
class Commanded:
    """What a person sees of a command: the app's answer, or Slack's sentence that it failed."""

    status: int | None
    response: Any = None
    error: str | None = None


class Conversing:
    """Acts in conversations, for everybody."""

    def __init__(self, slack: Slack, outbound: Outbound) -> None:
        self._slack = slack
        self._outbound = outbound
        # Which message a question of Slackbot's is about, by the question's timestamp.
        self._questions: dict[str, tuple[Message, Person]] = {}

    async def say(
        self, person: Person, channel: Channel, text: str, *, thread_ts: str | None = None, broadcast: bool = False
    ) -> Message:
        """Post a person's message; the apps they mention hear of it, or Slackbot asks whether to invite them.

        In a thread, `broadcast` sends the answer to the channel as well.
        """
        self._must_be_in(person, channel)
        self._must_be_writable(person, channel)
        stored = wording.written(self._slack, person, text)
        thread = {"thread_ts": thread_ts, "reply_broadcast": broadcast} if thread_ts else {}
        message = self._slack.post(channel, person, text=stored, blocks=wording.rich_text(stored), **thread)
        await unfurling.announce(self._slack, channel, message)
        for bot in self._mentioned(channel, stored):
            if bot.id in channel.members:
                await self._tell_of_mention(bot, channel, message)
            elif not channel.is_direct:
                self._ask_to_invite(person, channel, bot, message)
        return message

    async def answer_slackbot(self, person: Person, channel: Channel, question: Message, action_id: str) -> None:
        """Accept or refuse what Slackbot asked; after an invitation the app hears of the mention that led to it."""
        message, bot = self._questions.pop(question.ts)
        self._slack.erase(channel, question)
        if action_id != INVITE:
            return
        if self._slack.mention_first:
            await self._tell_of_mention(bot, channel, message)
            await self._outbound.tried()
        await self.invite(person, channel, bot)
        if not self._slack.mention_first:
            await self._outbound.tried()
            await self._tell_of_mention(bot, channel, message)

    async def invite(self, person: Person, channel: Channel, invited: Person) -> None:
        self._must_be_in(person, channel)
        self._must_be_open(channel)
        await self._slack.join(channel, invited, inviter=person.id)

    async def join(self, person: Person, channel: Channel) -> None:
        if channel.is_private:
            raise NotPossibleError(f"{named(channel)} is private: somebody in it has to invite {person.real_name}.")
        self._must_be_open(channel)
        await self._slack.join(channel, person)

    async def leave(self, person: Person, channel: Channel) -> None:
        self._must_be_in(person, channel)
        await self._slack.leave(channel, person)

    async def kick(self, person: Person, channel: Channel, removed: Person) -> None:
        self._must_be_in(person, channel)
        if removed.id not in channel.members:
            raise NotPossibleError(f"{removed.real_name} is not in {named(channel)}.")
        await self._slack.leave(channel, removed, by=person.id)

    def direct(self, person: Person, others: list[Person]) -> Channel:
        """Open the direct conversation with these people."""
        far = [one.real_name for one in others if one.workspace_id not in (person.workspace_id, "")]
        if far:
            raise NotPossibleError(f"{far[0]} is in another workspace.")
        return self._slack.open_direct(person.workspace_id, [person.id, *(one.id for one in others)])

    def dismiss(self, person: Person, channel: Channel, ts: str) -> None:
        """Take a message that only this person sees off their screen."""
        message = channel.ephemerals.get(ts)
        if message is None or message.ephemeral_for != person.id:
            raise NotPossibleError("Only a message that nobody else sees can be dismissed.")
        self._questions.pop(ts, None)
        self._slack.erase(channel, message)

    async def run(self, person: Person, channel: Channel, typed: str) -> Commanded:
        """Run a slash command and show its answer, as Slack shows it to the person or to the channel."""
        self._must_be_in(person, channel)
        command, _, text = typed.strip().partition(" ")
        app, declared = self._declared(person, command)
        sent = wording.commanded(self._slack, person, text) if declared.get("should_escape") else text
        right = self._slack.make_response_url(app.id, channel, person.id, workspace_id=person.workspace_id)
        actor = Actor(self._slack, app, person, person.workspace_id)
        form = interactions.command_form(actor, channel, command, sent.strip(), right)
        answer = await self._outbound.command(app, declared["url"], form)
        response = answer.json()
        error = self._show(right, typed, response) if answer.ok else _failure(answer)
        sentence = f'{command} failed with the error "{error}"' if error else None
        if sentence:
            self._slackbot_says(person, channel, sentence)
        return Commanded(answer.status, response if answer.ok else None, sentence)

    def _declared(self, person: Person, command: str) -> tuple[SlackApp, Json]:
        """Find the installed app that offers a command; the one installed last wins."""
        offering = [
            (installation.installed_at, app, app.commands[command])
            for app in self._slack.apps.values()
            if (installation := self._slack.installation(app.id, person.workspace_id)) and command in app.commands
        ]
        if not offering:
            raise NotPossibleError(f"{command} is not a valid command.")
        _, app, declared = max(offering, key=lambda one: one[0])
        return app, declared

    def _show(self, right: ResponseUrl, typed: str, response: Any) -> str | None:
        """Show a command's immediate answer, or return the code of what Slack has against it."""
        body = {"text": response} if isinstance(response, str) else response
        if not body:
            return None
        if body.get("response_type") == "in_channel":
            # An answer for the channel shows the typed command, too.
            channel, person = self._slack.channels[right.channel_id], self._slack.people[right.user_id]
            self._slack.post(channel, person, text=wording.escaped(typed))
        try:
            replies.reply(self._slack, right, body)
        except SlackError as refused:
            return refused.code
        return None

    # --- mentions ------------------------------------------------------------------------------------------------

    def _mentioned(self, channel: Channel, text: str) -> list[Person]:
        """List the bots of installed apps that a message names, each once."""
        installed = [one for one in self._slack.installations.values() if one.active]
        bots = [self._slack.people[one.bot_user_id] for one in installed if one.workspace_id in channel.workspace_ids]
        return [bot for bot in bots if f"<@{bot.id}>" in text or f"<@{bot.id}|" in text]

    async def _tell_of_mention(self, bot: Person, channel: Channel, message: Message) -> None:
        app = self._slack.apps[bot.app_id or ""]
        here = next(one for one in channel.workspace_ids if one in bot.workspace_ids)
        installation = self._slack.installation(app.id, here)
        if (
            installation is None
            or "app_mention" not in app.bot_events
            or "app_mentions:read" not in installation.scopes
        ):
            return
        thread = {"thread_ts": message.thread_ts} if message.thread_ts else {}
        event = {
            "type": "app_mention",
            "user": message.user_id,
            "client_msg_id": str(uuid.uuid4()),
            "text": message.text,
            "ts": message.ts,
            "team": message.workspace_id,
            "blocks": message.blocks,
            "channel": channel.id,
            "event_ts": message.ts,
        }
        await self._slack.emit(app, self._slack.workspaces[here], event | thread)

    def _ask_to_invite(self, person: Person, channel: Channel, bot: Person, message: Message) -> None:
        kind = "private channel" if channel.is_private else "channel"
        text = f"You mentioned <@{bot.id}>, but they’re not in this {kind}."
        buttons = [_button("Invite Them", INVITE, style="primary"), _button("Do Nothing", LEAVE_BE)]
        blocks: list[Json] = [
            {"type": "section", "block_id": "question", "text": {"type": "mrkdwn", "text": text}},
            {"type": "actions", "block_id": "answers", "elements": buttons},
        ]
        question = self._slackbot_says(person, channel, text, blocks=blocks)
        self._questions[question.ts] = (message, bot)

    def _slackbot_says(self, person: Person, channel: Channel, text: str, **fields: Any) -> Message:
        # Each workspace has its Slackbot under the same id.
        slackbot = replace(self._slack.people[SLACKBOT], workspace_id=person.workspace_id)
        return self._slack.post(channel, slackbot, text=text, ephemeral_for=person.id, **fields)

    # --- what Slack does not let a person do -----------------------------------------------------------------------

    def _must_be_in(self, person: Person, channel: Channel) -> None:
        if person.id not in channel.members:
            how = "ask a member to invite them" if channel.is_private else "let them join first"
            raise NotPossibleError(f"{person.real_name} is not in {named(channel)}: {how}.")

    def _must_be_open(self, channel: Channel) -> None:
        if channel.is_archived:
            raise NotPossibleError(f"{named(channel)} is archived: unarchive it first.")

    def _must_be_writable(self, person: Person, channel: Channel) -> None:
        self._must_be_open(channel)
        others = [self._slack.people[one] for one in channel.members if one != person.id]
        apps = [self._slack.apps[one.app_id] for one in others if one.app_id]
        if channel.kind == "im" and any(app.messages_tab_read_only for app in apps):
            raise NotPossibleError("Sending messages to this app has been turned off.")


def _failure(answer: Answer) -> str:
    return "operation_timeout" if answer.timed_out else "dispatch_failed"


def named(channel: Channel) -> str:
    return "the direct message" if channel.is_direct else f"#{channel.name}"


def _button(text: str, action_id: str, **more: str) -> Json:
    return {"type": "button", "action_id": action_id, "text": {"type": "plain_text", "text": text}, **more}
