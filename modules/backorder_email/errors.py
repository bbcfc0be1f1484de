"""The refusals of backorder email."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from erp.errors import ErpError
from erp.text import joined, say, without_stop

_PARTS = {
    "subject": say("subject"),
    "body": say("body"),
    "html": say("html"),
    "text": say("text"),
    "template": say("template"),
}


class TemplateRefused(ErpError):
    """A template that does not render; `part` is its subject, body or html."""

    def __init__(self, *, part: str, line: int | None, reason: str) -> None:
        place = say("{part}, line {line}", part=_PARTS[part], line=line) if line else _PARTS[part]
        super().__init__(
            say("The template does not render ({place}): {reason}.", place=place, reason=without_stop(reason))
        )


class TemplateInUse(ErpError):
    """A template that statuses or options name cannot be deleted; one that options name cannot be renamed."""

    def __init__(self, *, name: str, users: Iterable[str]) -> None:
        named = list(users)
        super().__init__(
            say("The template {name} is used by {named}. Change that first.", name=name, named=joined(named, ", ")),
            users=named,
        )


class NoSuchTemplate(ErpError):
    """The template that an option names, or that news was written for, does not exist."""

    def __init__(self, *, name: str, option: str = "") -> None:
        by = say(", which option {option} names", option=option) if option else ""
        super().__init__(say("There is no email template {name!r}{by}.", name=name, by=by))


class NoAddress(ErpError):
    """A customer without an email address."""

    def __init__(self, *, customer: str) -> None:
        text = say(
            "Customer {customer} has no email address. Enter one on the page of the customer.", customer=customer
        )
        super().__init__(text)


class BadSender(ErpError):
    """The option that names the sender is not an address."""

    def __init__(self, *, option: str, value: str, reason: str) -> None:
        super().__init__(
            say("Option {option}: {value!r} cannot be used: {reason}.", option=option, value=value, reason=reason)
        )


class NotAsComposed(ErpError):
    """An email that reads differently after it was built; it does not leave."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(say("The email does not read as it was written: {reason}.", reason=reason))


class EmptyMessage(ErpError):
    """An edited message without a subject or a text."""

    def __init__(self, *, part: str) -> None:
        super().__init__(say("The {part} of an email cannot be empty.", part=_PARTS[part]))


class UnknownKind(ErpError):
    """A type of email that no module that is on has."""

    field = "kind"

    def __init__(self, *, kind: str, known: Sequence[str]) -> None:
        there = ", ".join(known) or say("only BACK ORDER")
        super().__init__(
            say(
                "{kind!r} is no type of email now; the types are {there}. A module may be off that has it.",
                kind=kind,
                there=there,
            )
        )


class KindTaken(ErpError):
    """A type of email that has another template."""

    field = "kind"

    def __init__(self, *, kind: str, name: str) -> None:
        super().__init__(
            say("{name!r} is the template of type {kind}: a type has one. Change that one.", name=name, kind=kind)
        )


class TemplateNameTaken(ErpError):
    """Another template has that name."""

    def __init__(self, *, name: str) -> None:
        super().__init__(say("There is already an email template {name!r}. Choose another name.", name=name))


class AlarmNotSent(ErpError):
    """A message to an administrator that the mail server does not take."""

    def __init__(self, recipient: str, reason: str) -> None:
        super().__init__(
            say(
                "The message to the administrator {recipient} was not sent: {reason}.",
                recipient=recipient,
                reason=without_stop(reason),
            )
        )


class MailServerUnusable(ErpError):
    """The mail server cannot be reached, or refuses to let the sender sign in."""

    def __init__(self, *, server: str, reason: str) -> None:
        text = say(
            "The mail server {server} cannot be used: {reason}. Emails stay in the queue.",
            server=server,
            reason=without_stop(reason),
        )
        super().__init__(text)
