"""Papers: pages that are made to be printed, with the company's name, address and logo."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from erp.options import options
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
