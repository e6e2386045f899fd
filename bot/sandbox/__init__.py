"""The local Slack: a Slack workspace on loopback, strict where Slack is strict.

It deviates from Slack knowingly in a few places only:

- It speaks plain http on loopback, and redirect addresses may be http there; no cookie is Secure over http.
- An unfurl domain may be a pretend one, and links are not announced while they are being typed.
- Nobody signs in: one says on each page who one is, also where an app asks with Sign in with Slack.
- Files and pictures are given to whoever asks, as no browser here could show who it is.
- A picture named by its address is fetched when it is posted only where it lies on this machine, and not kept.
- Limits are refilled evenly, where Slack publishes only that short bursts are tolerated.
"""

from bot.sandbox.app import SlackApp
from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault
from bot.sandbox.limits import UNLIMITED, Limits
from bot.sandbox.person import Browser
from bot.sandbox.server import Sandbox
from bot.sandbox.state import Slack

__all__ = ["UNLIMITED", "Browser", "Fault", "Limits", "Sandbox", "Slack", "SlackApp", "SlackError"]
