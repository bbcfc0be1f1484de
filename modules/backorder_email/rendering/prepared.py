"""What a session's work needs rendered: asked for once, made while no transaction is held, then found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import event
from sqlalchemy.orm import Session

from erp.db import ErpSession, carried, prepare
from modules.backorder_email.domain.facts import MessageFacts, digest, sample_facts
from modules.backorder_email.domain.templates import Rendered, Wording
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.rendering.renderer import Answer, Request, renderer
from modules.backorder_email.states import Cause

_Key = tuple[Wording, str]


@dataclass
class _Prepared:
    """The answers that the session's work has asked for; kept until it commits."""

    found: dict[_Key, Answer] = field(default_factory=dict)


def _key(request: Request) -> _Key:
    # Numbers may be equal and yet be written differently, as 2.5 and 2.50.
    return request.wording, digest(request.facts) if request.facts is not None else ""


def answers(session: Session, requests: Sequence[Request]) -> list[Answer]:
    """Return for each request the message or the refusal, or None where a wording was checked and is fine.

    What is not there yet is rendered first, outside of the transaction (`erp.db.prepare`): ask for all at once.
    """
    found = carried(session, _Prepared).found
    wanted = {_key(request): request for request in requests}
    missing = {key: request for key, request in wanted.items() if key not in found}
    if missing:
        prepare(session, lambda: found.update(zip(missing, renderer().answers(missing.values()), strict=True)))
    return [found[_key(request)] for request in requests]


def rendered(session: Session, wording: Wording, facts: MessageFacts) -> Rendered:
    """Return the message of a wording; raise TemplateRefused."""
    (answer,) = answers(session, [Request(wording, facts)])
    if isinstance(answer, TemplateRefused):
        raise answer
    assert answer is not None
    return answer


def refusals(
    session: Session, wordings: Sequence[Wording], examples: Sequence[Mapping[str, str] | None]
) -> list[TemplateRefused | None]:
    """Return for each wording why it cannot be a template, or None where it can.

    `examples` are the values of the announcement that each is for, None for one of the type BACK ORDER.
    """
    found = answers(
        session,
        [
            Request(wording, None if about is None else sample_facts(Cause.announced, about))
            for wording, about in zip(wordings, examples, strict=True)
        ],
    )
    return [answer if isinstance(answer, TemplateRefused) else None for answer in found]


@event.listens_for(ErpSession, "after_commit")
def _forget(session: Session) -> None:
    carried(session, _Prepared).found.clear()
