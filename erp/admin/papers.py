"""Papers: pages that are made to be printed, with the company's name, address and logo, and sections of modules."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from erp.admin.access import permitted, screen_session
from erp.options import options
from erp.registry import current_registry
from erp.text import say

KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
LARGEST_LOGO = 1_000_000


@dataclass(frozen=True)
class Letterhead:
    """What stands at the top of a paper. `problem` says why there is no logo although the options name one."""

    name: str
    address: tuple[str, ...] = ()
    logo: str = ""
    problem: str = ""


@dataclass(frozen=True)
class PaperSection:
    """A part at the end of a paper of another module: `template` rendered with `context(session, row)`.

    `paper` is the name of the action that shows the paper, of which `row` is the document. A context of None leaves
    the section out.
    """

    paper: str
    title: str
    template: str
    context: Callable[[Session, Any], Mapping[str, Any] | None]
    permission: str = ""

    def failed(self, text: str) -> ShownSection:
        """Return the section that says that this one failed."""
        return ShownSection(self.title, Markup("<p>{}</p>").format(text))


@dataclass(frozen=True)
class ShownSection:
    """A section as the paper shows it."""

    title: str
    content: Markup


def show(screen: Any, action: Any, row: Any) -> ResponseReturnValue:
    """Return the page of an action; where that is a paper, `sections` are those that modules add to it."""
    g.erp_paper = screen, action.name, row
    with current_registry().blaming(action, f"action {action.name}"):
        answer: ResponseReturnValue = action.page(screen, row)
        return answer


def sections() -> list[ShownSection]:
    """Return what modules add to the paper that is shown, of what the user may see."""
    screen, name, row = g.get("erp_paper", (None, "", None))
    found = permitted(each for each in screen.contributed("paper_sections") if each.paper == name) if screen else []
    shown = (
        current_registry().contained(
            each, f"paper section {each.title}", partial(_rendered, each, screen, row), each.failed
        )
        for each in found
    )
    return [section for section in shown if section is not None]


def _rendered(section: PaperSection, screen: Any, row: Any) -> ShownSection | None:
    context = section.context(screen_session(), row)
    if context is None:
        return None
    return ShownSection(section.title, Markup(screen.render(section.template, row=row, screen=screen, **context)))


def letterhead() -> Letterhead:
    """Return the company's name, its address line by line, and its logo as a data address."""
    lines = tuple(line.strip() for line in str(options.erp.company_address).split(";") if line.strip())
    logo, problem = _logo(str(options.erp.company_logo))
    return Letterhead(str(options.erp.company_name), lines, logo, problem)


def _logo(name: str) -> tuple[str, str]:
    """Return the logo, or why it cannot be shown."""
    if not name:
        return "", ""
    path = Path(name)
    try:
        if path.stat().st_size > LARGEST_LOGO:
            return "", say(
                "The logo {name} is larger than {LARGEST_LOGO} kB. Name a smaller file in the options.",
                name=name,
                LARGEST_LOGO=LARGEST_LOGO // 1000,
            )
        content = base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        return "", say(
            "The logo {name} cannot be read: {strerror}. Name another file in the options.",
            name=name,
            strerror=error.strerror,
        )
    return f"data:{KINDS[path.suffix.lower()]};base64,{content}", ""
