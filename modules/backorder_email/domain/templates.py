"""Templates: the message that comes of one, and which ones are refused."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from jinja2.exceptions import TemplateError

from erp.text import say
from modules.backorder_email.domain.facts import MessageFacts, sample_facts
from modules.backorder_email.domain.template_language import MAX_SOURCE, render_source
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.states import Cause

# Bytes of all three texts together.
MAX_MESSAGE = 1_000_000
_HOME = "modules.backorder_email.domain.facts."


@dataclass(frozen=True)
class Wording:
    """A template's three sources."""

    subject: str
    body: str
    html: str = ""


@dataclass(frozen=True)
class Rendered:
    """A message's three texts, ready to be shown and sent."""

    subject: str
    text: str
    html: str = ""


# What no message needs and some programs obey: control characters, lone surrogates, and the characters that turn the
# direction of all text after them. Those that only belong to a right-to-left word stay.
_HARMFUL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAKS = re.compile(r"\r\n?|[\u2028\u2029]")


def clean_text(text: str) -> str:
    """Return a text of many lines without the characters that could mislead its reader."""
    return _HARMFUL.sub("", _BREAKS.sub("\n", text.replace("\x85", "\n")))


def clean_line(text: str) -> str:
    """Return a text as one line, without the characters that could mislead its reader."""
    return " ".join(_HARMFUL.sub("", " ".join(text.split())).split())


def _ignore(_part: str) -> None:
    """Do nothing where nobody wants to know which part is rendered next."""


def render(wording: Wording, facts: MessageFacts, begin: Callable[[str], None] = _ignore) -> Rendered:
    """Return the message; raise TemplateRefused with the part, the line and the reason.

    `begin` is called with the name of each part before it is rendered.
    """
    found = {part: "" for part in vars(wording)}
    for part, source in vars(wording).items():
        if part != "html" or source.strip():
            begin(part)
            found[part] = _part(part, source, facts)
    subject, text, html = clean_line(found["subject"]), clean_text(found["body"]).rstrip(), clean_text(found["html"])
    for part, result in (("subject", subject), ("body", text)):
        if not result.strip():
            raise TemplateRefused(part=part, line=None, reason=say("nothing is left when it is filled in"))
    _refuse_long(found)
    return Rendered(subject, text + "\n", html.strip())


def _refuse_long(texts: Mapping[str, str]) -> None:
    sizes = {part: len(text.encode("utf-8", "replace")) for part, text in texts.items()}
    if sum(sizes.values()) > MAX_MESSAGE:
        raise TemplateRefused(part=max(sizes, key=sizes.__getitem__), line=None, reason=say("the message is over 1 MB"))


def _part(part: str, source: str, facts: MessageFacts) -> str:
    if len(source) > MAX_SOURCE:
        raise TemplateRefused(
            part=part, line=None, reason=say("it is longer than {MAX_SOURCE} characters", MAX_SOURCE=MAX_SOURCE)
        )
    try:
        return render_source(source, vars(facts), autoescape=part == "html")
    except RecursionError:
        raise TemplateRefused(part=part, line=None, reason=say("it is nested too deeply")) from None
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        reason = _without_home(str(error)) or type(error).__name__
        line = getattr(error, "lineno", None) or _line_of(error.__traceback__)
        raise TemplateRefused(part=part, line=line, reason=reason) from None


def _without_home(text: str) -> str:
    """Return what an error says without the module of the facts in it; a sentence of this product names none."""
    return text.replace(_HOME, "") if _HOME in text else text


def _line_of(trace: TracebackType | None) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == "<template>"]
    return lines[-1] if lines else None


def check(wording: Wording, work: Callable[[Wording, MessageFacts], Rendered] = render) -> None:
    """Raise TemplateRefused where `work`, which renders, refuses it for every cause: one may be for one cause alone."""
    for part in ("subject", "body"):
        if not getattr(wording, part).strip():
            raise TemplateRefused(part=part, line=None, reason=say("it is empty"))
    refusals = []
    for cause in Cause:
        try:
            work(wording, sample_facts(cause))
        except TemplateRefused as refusal:
            refusals.append(refusal)
    if len(refusals) == len(Cause):
        raise refusals[0]
