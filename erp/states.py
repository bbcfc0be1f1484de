"""State machines as data: a table of steps, and one function that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from erp.errors import InvalidTransition

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True)
class StateMachine(Generic[S]):
    """`steps` maps each action to the states it may leave and the one it enters from there."""

    states: type[S]
    steps: Mapping[str, Mapping[S, S]]

    def next(self, state: S, action: str) -> S:
        """Return the state after `action`; raise InvalidTransition where the table does not list it."""
        try:
            return self.steps[action][state]
        except KeyError:
            raise InvalidTransition(state=state.value, action=action) from None

    def allows(self, state: S, action: str) -> bool:
        """Say whether `action` is listed for `state`."""
        return state in self.steps.get(action, {})

    def actions(self, state: S) -> list[str]:
        """Return the actions that `state` allows, in the order of the table."""
        return [action for action, step in self.steps.items() if state in step]
