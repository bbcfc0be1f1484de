"""Many rows that are made in one request, what they name, and why some of them are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from erp.api.declarations import MakeMany, Values
from erp.errors import ErpError, SomeRefused
from erp.text import named, say

T = TypeVar("T")


def make_many(
    names: Callable[[Session, Sequence[Values]], Callable[[Values], T]],
    make: Callable[[Session, Sequence[T]], Sequence[int | ErpError]],
) -> MakeMany:
    """Return the `run_many` of a `Create`, which takes as many statements for one row as for many.

    `names(session, rows)` reads all that the rows name, and returns the function that turns a row into what `make`
    takes, or refuses it. `make` returns for each its id or why it is refused.
    """

    def run_many(session: Session, rows: Sequence[Values]) -> Sequence[int | ErpError]:
        read = names(session, rows)
        wanted: dict[int, T] = {}
        found: dict[int, int | ErpError] = {}
        for place, values in enumerate(rows):
            try:
                wanted[place] = read(values)
            except ErpError as refusal:
                found[place] = refusal
        if wanted:
            found |= zip(wanted, make(session, list(wanted.values())), strict=True)
        return [found[place] for place in range(len(rows))]

    return run_many


def make_one(run_many: MakeMany) -> Callable[[Session, Values], int]:
    """Return the `run` of a `Create` that makes one row as it would make many."""

    def run(session: Session, values: Values) -> int:
        (made,) = run_many(session, [values])
        if isinstance(made, ErpError):
            raise made
        return made

    return run


def all_but_refused(
    session: Session, wanted: Sequence[T], make: Callable[[Session, Sequence[T]], Sequence[int | ErpError]]
) -> list[int | ErpError]:
    """Return what `make` returns for each of what is wanted, or why it is refused.

    `make` does all, or raises SomeRefused and has written nothing: then it is called again without those.
    """
    left = dict(enumerate(wanted))
    found: dict[int, int | ErpError] = {}
    while left:
        try:
            found |= zip(left, make(session, list(left.values())), strict=True)
            break
        except SomeRefused as refused:
            places = list(left)
            for place, refusal in refused.refusals.items():
                found[places[place]] = refusal
                del left[places[place]]
    return [found[place] for place in range(len(wanted))]


class UnknownName(ErpError):
    """A value of a request names something that is not there."""

    def __init__(self, field: str, kind: str, name: object) -> None:
        self.field = field
        super().__init__(say("{field}: there is no {kind} {name!r}.", field=field, kind=named(kind), name=str(name)))


def name_in(known: Mapping[Any, T], values: Values, field: str, kind: str) -> T:
    """Return what a value of a request names, given all such by name or id; raise UnknownName of that `kind`."""
    found = known.get(values[field])
    if found is None:
        raise UnknownName(field, kind, values[field])
    return found


def raise_only(refusals: Mapping[int, ErpError]) -> None:
    """Raise the refusal of the one row for which a service of many rows was called, if it was refused."""
    for refusal in refusals.values():
        raise refusal
