"""The class that every refusal extends."""

from __future__ import annotations

from inspect import signature
from typing import Self

_NO_FACTS = ("self", "message", "facts")


class ErpError(Exception):
    """A refused action. Its text is for users, `facts` for programs: what the refusal was made with, by name.

    `field` names what of a form or file is wrong.
    """

    field = ""
    facts: dict[str, object]

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        """Keep the arguments as facts, except for the sentence itself."""
        refusal = super().__new__(cls, *args)
        given = signature(cls.__init__).bind(refusal, *args, **kwargs)
        given.apply_defaults()
        refusal.facts = {name: value for name, value in given.arguments.items() if name not in _NO_FACTS}
        return refusal

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.facts.update(facts)

    def lines(self, limit: int) -> list[str]:
        """Return what else there is to say, in at most `limit` lines; nothing for most refusals."""
        return []
