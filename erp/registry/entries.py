"""What modules register, each thing with its owner."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from erp import core
from erp.options import Effective

T = TypeVar("T")

CORE = core.NAME


@dataclass(frozen=True)
class Owned(Generic[T]):
    """A registered thing and the module that it belongs to."""

    module: str
    thing: T


@dataclass(frozen=True)
class ViewEntry:
    """A screen, its menu entry and the right to see it."""

    view: type[Any]
    menu: str
    permission: str


@dataclass(frozen=True)
class Endpoint:
    """Addresses for programs: `answer()` answers every request below `url`.

    Nobody is signed in there, whatever cookies come along, and no form token is asked for: `answer` finds out itself
    who asks. `failed(status, message, error)` is the answer to what is refused or fails.
    """

    url: str
    answer: Callable[[], Any]
    failed: Callable[[int, str, BaseException | None], Any]


@dataclass(frozen=True)
class ResourceExtension:
    """What one module adds to another's resource of the HTTP interface."""

    fields: tuple[Any, ...] = ()
    line_fields: tuple[Any, ...] = ()
    writes: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Contribution:
    """What one module adds to another's screen."""

    columns: tuple[Any, ...] = ()
    fields: tuple[Any, ...] = ()
    panels: tuple[Any, ...] = ()
    actions: tuple[Any, ...] = ()
    line_columns: tuple[Any, ...] = ()
    line_actions: tuple[Any, ...] = ()
    notes: tuple[Any, ...] = ()
    filters: tuple[Any, ...] = ()
    quick_filters: tuple[Any, ...] = ()
    list_actions: tuple[Any, ...] = ()
    paper_sections: tuple[Any, ...] = ()


@dataclass(frozen=True)
class JobEntry:
    """A scheduled job: `run(session)` returns a summary in words; `every` names a Duration option."""

    name: str
    run: Callable[[Session], str | None]
    every: str


@dataclass(frozen=True)
class Waiting:
    """What waits in a queue: how many entries are due, and since when the oldest is; None where none has to leave."""

    number: int
    oldest: datetime | None = None


@dataclass(frozen=True)
class Queue:
    """A queue that is watched: `measure(session)` says what waits in it."""

    name: str
    measure: Callable[[Session], Waiting]


@dataclass(frozen=True)
class Alarm:
    """A message to administrators."""

    subject: str
    text: str


def job_name(job: Callable[[Session], str | None]) -> str:
    """Return what a job is called: the name of its function, with hyphens."""
    return job.__name__.replace("_", "-")


@dataclass(frozen=True)
class Extension:
    """Columns added to another module's import or export kind, and the function that stores or gives them.

    `maps` says by the names of the import kind's maps from which columns of a file of another system they come.
    """

    columns: tuple[Any, ...]
    apply: Callable[..., Any]
    maps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """What is on and what every option is, as one request, command or job run sees it."""

    revision: int
    enabled: frozenset[str]
    options: Mapping[str, Effective]
    # What is made of it and of nothing else but the day, by the day: it goes with the state and with the day.
    made: dict[date, dict[Hashable, Any]] = field(default_factory=dict, compare=False, repr=False)

    def made_on(self, day: date) -> dict[Hashable, Any]:
        """Return what was made of this state on a day, to look it up or to add to it; other days are forgotten."""
        if day not in self.made:
            self.made.clear()
        return self.made.setdefault(day, {})
