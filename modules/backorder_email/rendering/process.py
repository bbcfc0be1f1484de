"""The process that renders templates: `python -m modules.backorder_email.rendering.process FILE_DESCRIPTOR`.

It reads requests from a socket and answers each. The system ends it where a message takes too much computing time, and
it ends itself where it gets no more memory. It has no database, no options and no environment.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import sys
from functools import partial
from multiprocessing.connection import Connection

from erp.text import stored
from modules.backorder_email.domain.facts import MessageFacts
from modules.backorder_email.domain.templates import Rendered, Wording, check, render
from modules.backorder_email.errors import TemplateRefused

CPU_SECONDS = 1.0
MEMORY_BYTES = 256 * 1024 * 1024
OUT_OF_MEMORY = 75


def main(descriptor: int) -> None:
    """Answer requests until the other side closes the connection."""
    connection: Connection[bytes, bytes] = Connection(descriptor)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _send(connection, {"is_ready": True})
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        try:
            _send(connection, _answer(request, partial(_begin, connection)))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _send(connection: Connection[bytes, bytes], answer: dict[str, object]) -> None:
    connection.send_bytes(json.dumps(answer).encode())


def _begin(connection: Connection[bytes, bytes], part: str) -> None:
    """Say which part is rendered next, so that the other side can name the one that ended this process."""
    _send(connection, {"begins": part})


def _answer(request: bytes, begin: partial[None]) -> dict[str, object]:
    """Return the texts of a message, nothing for a wording that was checked, or the refusal's facts."""
    wording, facts = pickle.loads(request)
    work = partial(_timed, begin=begin)
    try:
        if facts is None:
            check(wording, work)
            return {}
        return {"rendered": vars(work(wording, facts))}
    except TemplateRefused as refusal:
        return {"refused": refusal.facts | {"reason": stored(str(refusal.facts["reason"]))}}


def _timed(wording: Wording, facts: MessageFacts, begin: partial[None]) -> Rendered:
    """Render a message within its computing time; the signal at its end is not handled and ends the process."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        return render(wording, facts, begin)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
