"""Misbehaviour on demand: what the local Slack is told to do wrong, and for how long."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

FaultKind: TypeAlias = Literal[
    "http_500", "lose_response", "drop_request", "delay", "limit", "error", "no_metadata", "unthread"
]
KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass
class Fault:
    """One kind of misbehaviour, for calls that match; `times` counts down, None goes on until cleared.

    - `http_500` answers 500 without doing anything; `error` answers `code` without doing anything
    - `drop_request` drops the socket without doing anything
    - `lose_response` does what was asked, then drops the socket
    - `delay` waits `seconds` first
    - `limit` answers 429 with `retry_after`
    - `no_metadata` answers as if the messages' metadata had not been asked for
    - `unthread` posts a reply by itself, as Slack does where the message was just deleted that it replies to
    """

    fault: FaultKind
    method: str | None = None
    channel: str | None = None
    workspace: str | None = None
    times: int | None = None
    seconds: float = 1.0
    retry_after: int = 1
    code: str = "internal_error"

    def concerns(self, method: str, workspace_id: str | None, channels: Iterable[str]) -> bool:
        return (
            self.times != 0
            and self.method in (None, method)
            and self.workspace in (None, workspace_id)
            and (self.channel is None or self.channel in channels)
        )


class Faults:
    """The faults in force, oldest first; the first that concerns a call is the one that happens."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def add_from(self, asked: dict[str, Any]) -> Fault:
        """Add the fault that this JSON describes; raise ValueError on what is not a fault."""
        if asked.get("fault") not in KINDS:
            raise ValueError(f"Name one of these as the fault: {', '.join(KINDS)}.")
        try:
            fault = Fault(**asked)
        except TypeError as error:
            raise ValueError(f"A fault does not have that field: {error}.") from error
        self.add(fault)
        return fault

    def in_force(self) -> list[Fault]:
        """List the faults that can still happen."""
        return [one for one in self._faults if one.times != 0]

    def clear(self) -> None:
        self._faults.clear()

    def next(self, method: str, *, workspace_id: str | None, channels: Iterable[str]) -> Fault | None:
        """Use up one occurrence of the first fault that concerns this call."""
        named = [channel for channel in channels if channel]
        fault = next((one for one in self._faults if one.concerns(method, workspace_id, named)), None)
        if fault and fault.times is not None:
            fault.times -= 1
        return fault
