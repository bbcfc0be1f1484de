"""What the HTTP interface refuses."""

from __future__ import annotations

from erp.errors import ErpError
from erp.text import joined, say, word


class NotSignedIn(ErpError):
    """A request without a token that is good."""

    def __init__(self) -> None:
        super().__init__("Send a token that is good: Authorization: Bearer TOKEN. Cookies do not count here.")


class TooManyRequests(ErpError):
    """A token that asks too often."""

    def __init__(self, *, limit: int, seconds: int) -> None:
        super().__init__(
            say(
                "More than {limit} requests in a minute. Wait {seconds} seconds and send it again.",
                limit=limit,
                seconds=seconds,
            )
        )


class TokenNameTaken(ErpError):
    """The user has another token of that name."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__(
            say("There is a token {name!r} of this user. Choose another name, or revoke that one.", name=name)
        )


class BadTokenName(ErpError):
    """A name that a token cannot have."""

    field = "name"

    def __init__(self, name: str) -> None:
        super().__init__("The name of a token has 1 to 80 characters on one line, and no blanks around it.")


class RightsNotHeld(ErpError):
    """A token was to have rights that its user does not have."""

    field = "rights"

    def __init__(self, rights: list[str]) -> None:
        super().__init__(
            say("The user does not have the rights {rights}. A token has those or fewer.", rights=", ".join(rights))
        )


class ExpiryPassed(ErpError):
    """A token was to be good until a day that is over."""

    field = "expires_on"

    def __init__(self, day: object) -> None:
        super().__init__(say("{day} is over: a token is good until the end of a day that is to come.", day=day))


class UnknownEvents(ErpError):
    """A webhook was to hear of events that no module announces, or of none."""

    field = "events"

    def __init__(self, *, events: list[str], allowed: list[str]) -> None:
        unknown = say("There is no event {events}.", events=", ".join(events))
        wrong = unknown if events else say("Name at least one event.")
        super().__init__(say("{wrong} The events are: {allowed}.", wrong=wrong, allowed=", ".join(allowed)))


class BadWebhookAddress(ErpError):
    """An address to which nothing can be sent."""

    field = "url"

    def __init__(self, *, url: str, why: str) -> None:
        super().__init__(say("{url} cannot be used. {why}", url=url, why=why))


class ExportKindRefused(ErpError):
    """A kind of file that the user may not export, or that no module which is on has."""

    field = "kind"

    def __init__(self, kind: str) -> None:
        super().__init__(
            say(
                "There is no kind of file {kind!r} that you may export. `erp export --help` names the kinds.", kind=kind
            )
        )


class ExportNotWritten(ErpError):
    """The file of an export that waits or failed was asked for."""

    def __init__(self, *, export: int, state: str, why: str) -> None:
        sentence = say("Export {export} is not written: it is {state}.", export=export, state=word(state))
        super().__init__(joined((sentence, why)) if why else sentence)


class KeyMissing(ErpError):
    """A write without a key."""

    field = "Idempotency-Key"

    def __init__(self) -> None:
        super().__init__(
            "Send a header Idempotency-Key of 1 to 200 characters, another one for each change: a request that is sent"
            " again with its key is done once."
        )


class KeyUsed(ErpError):
    """A key with which another request was sent."""

    field = "Idempotency-Key"

    def __init__(self, key: str) -> None:
        super().__init__(
            say("The key {key!r} belongs to another request of yours. Take a new key for a new request.", key=key)
        )


class PreconditionFailed(ErpError):
    """A record is not any more as the sender has read it."""

    field = "If-Match"

    def __init__(self) -> None:
        super().__init__("The record has changed since you read it. Nothing was done: read it again, and then decide.")


class PlanChanged(ErpError):
    """What a dry run showed would not come about any more."""

    field = "plan"

    def __init__(self) -> None:
        super().__init__("This would do something else now than the dry run showed. Nothing was done: make a new one.")


class BadCursor(ErpError):
    """A place in a list that no answer named."""

    field = "cursor"

    def __init__(self, cursor: str) -> None:
        super().__init__("There is no such place in this list. Take the cursor as the answer before gave it.")


class UnknownFilter(ErpError):
    """A parameter of a list that is none of its filters, or a value that its filter does not take."""

    def __init__(self, parameter: str, allowed: str) -> None:
        self.field = parameter
        super().__init__(say("{parameter}: {allowed}.", parameter=parameter, allowed=allowed))
