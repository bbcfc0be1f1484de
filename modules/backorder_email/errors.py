"""The refusals of backorder email."""

from __future__ import annotations

from collections.abc import Iterable

from erp.errors import ErpError


class TemplateRefused(ErpError):
    """A template that does not render; `part` is its subject, body or html."""

    def __init__(self, *, part: str, line: int | None, reason: str) -> None:
        place = f"{part}, line {line}" if line else part
        super().__init__(f"The template does not render ({place}): {reason.rstrip('.')}.")


class TemplateInUse(ErpError):
    """A template that statuses or options name cannot be deleted; one that options name cannot be renamed."""

    def __init__(self, *, name: str, users: Iterable[str]) -> None:
        named = list(users)
        super().__init__(f"The template {name} is used by {', '.join(named)}. Change that first.", users=named)


class NoSuchTemplate(ErpError):
    """The template that an option names, or that news was written for, does not exist."""

    def __init__(self, *, name: str, option: str = "") -> None:
        by = f", which option {option} names" if option else ""
        super().__init__(f"There is no email template {name!r}{by}.")


class NoAddress(ErpError):
    """A customer without an email address."""

    def __init__(self, *, customer: str) -> None:
        super().__init__(f"Customer {customer} has no email address.")


class BadSender(ErpError):
    """The option that names the sender is not an address."""

    def __init__(self, *, option: str, value: str, reason: str) -> None:
        super().__init__(f"Option {option}: {value!r} cannot be used: {reason}.")


class NotAsComposed(ErpError):
    """An email that reads differently after it was built; it does not leave."""

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"The email does not read as it was written: {reason}.")


class EmptyMessage(ErpError):
    """An edited message without a subject or a text."""

    def __init__(self, *, part: str) -> None:
        super().__init__(f"The {part} of an email cannot be empty.")


class TemplateNameTaken(ErpError):
    """Another template has that name."""

    def __init__(self, *, name: str) -> None:
        super().__init__(f"There is already an email template {name!r}.")


class AlarmNotSent(ErpError):
    """A message to an administrator that the mail server does not take."""

    def __init__(self, recipient: str, reason: str) -> None:
        super().__init__(f"The message to the administrator {recipient} was not sent: {reason.rstrip('.')}.")


class MailServerUnusable(ErpError):
    """The mail server cannot be reached, or refuses to let the sender sign in."""

    def __init__(self, *, server: str, reason: str) -> None:
        text = f"The mail server {server} cannot be used: {reason.rstrip('.')}. Emails stay in the queue."
        super().__init__(text)
