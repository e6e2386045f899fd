"""What Slack answers when it refuses a call, and what its client does not let a person do.

SlackError
└── RateLimitedError     HTTP 429 with Retry-After
NotPossibleError         a person cannot do this
"""

from typing import Any


class SlackError(Exception):
    """A refusal: Slack's error code, and whatever else stands beside it in the answer."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    @property
    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.extra}


class RateLimitedError(SlackError):
    """A refusal for now: the same call may be made again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class NotPossibleError(Exception):
    """A person cannot do this in Slack; the sentence says why and what would help."""


def with_messages(code: str, messages: list[str]) -> SlackError:
    """Make a refusal that explains itself, as Slack does for arguments and blocks."""
    return SlackError(code, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})
