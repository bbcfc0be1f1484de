"""The side that asks: it starts the process that renders, and starts another one where that has ended."""

from __future__ import annotations

import atexit
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any

from erp.errors import ErpError
from erp.text import from_stored, say
from modules.backorder_email.domain.facts import MessageFacts
from modules.backorder_email.domain.templates import Rendered, Wording
from modules.backorder_email.errors import TemplateRefused
from modules.backorder_email.rendering.process import OUT_OF_MEMORY

# A message has 1 s of computing time; a busy machine may take much longer to give it that.
LONGEST_WAIT = 60.0
# A message has at most 1 MB of text, and JSON writes a character in at most 12 bytes.
LONGEST_ANSWER = 16 * 1024 * 1024
_ROOT = Path(__file__).parents[3]
_REASONS = {
    -signal.SIGPROF: say("it takes more than 1 s of computing time"),
    OUT_OF_MEMORY: say("it needs more than 256 MB of memory"),
}


class RendererFailed(ErpError):
    """The process that renders templates does not start, whatever the template."""

    def __init__(self) -> None:
        super().__init__(
            say("Templates cannot be filled in: the process that does it does not start. The log says why.")
        )


@dataclass(frozen=True)
class Request:
    """A message to render, or a wording to check where there are no facts."""

    wording: Wording
    facts: MessageFacts | None = None


Answer = Rendered | TemplateRefused | None


class _Ended(Exception):
    """The process ended, or was ended, before it answered."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(reason)
        self.refusal = TemplateRefused(part=part, line=None, reason=reason)
        self.is_sure = reason == _REASONS[-signal.SIGPROF]


class Renderer:
    """A process that renders, started when it is first needed and kept; threads take turns."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[bytes, bytes] | None = None

    def answers(self, requests: Iterable[Request]) -> list[Answer]:
        """Return the message of each request, the refusal, or None for a wording that is fine.

        Raises RendererFailed.
        """
        with self._turn:
            return [self._answer(request) for request in requests]

    def close(self) -> None:
        """End the process; the next request starts another."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.wait()

    def _answer(self, request: Request) -> Answer:
        is_fresh = self._process is None
        try:
            return self._ask(request)
        except _Ended as ended:
            # Others' templates may have filled the memory of a process that was kept.
            return ended.refusal if is_fresh or ended.is_sure else self._answer(request)

    def _ask(self, request: Request) -> Answer:
        try:
            connection = self._connection or self._start()
            return self._sent(connection, pickle.dumps((request.wording, request.facts)))
        except BaseException:
            # What was asked for last must not be taken for the answer to what is asked for next.
            self.close()
            raise

    def _start(self) -> Connection[bytes, bytes]:
        ours, theirs = Pipe()
        descriptor = theirs.fileno()
        with theirs:
            self._connection = ours
            self._process = subprocess.Popen(
                [sys.executable, "-m", "modules.backorder_email.rendering.process", str(descriptor)],
                cwd="/",
                env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"},
                pass_fds=(descriptor,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # Ctrl-C at the terminal is for the command that asks.
                start_new_session=True,
            )
        try:
            ours.recv_bytes()
        except (EOFError, OSError):
            raise RendererFailed from None
        return ours

    def _sent(self, connection: Connection[bytes, bytes], request: bytes) -> Answer:
        part = "template"
        try:
            connection.send_bytes(request)
            while connection.poll(LONGEST_WAIT):
                found = json.loads(connection.recv_bytes(LONGEST_ANSWER))
                if "begins" not in found:
                    return _as_answer(found)
                part = found["begins"]
        except (EOFError, OSError):
            raise _Ended(part, self._reason()) from None
        raise _Ended(part, say("it took longer than {seconds:.0f} s", seconds=LONGEST_WAIT))

    def _reason(self) -> str:
        assert self._process is not None
        code = self._process.wait(LONGEST_WAIT)
        return _REASONS.get(code, say("the process that rendered it ended with code {code}", code=code))


def _as_answer(found: Mapping[str, Any]) -> Answer:
    if "refused" in found:
        refused = found["refused"]
        return TemplateRefused(**refused | {"reason": from_stored(refused["reason"])})
    return Rendered(**found["rendered"]) if "rendered" in found else None


_renderer = Renderer()


def renderer() -> Renderer:
    """Return the one renderer of this process."""
    return _renderer


def _forget() -> None:
    """Leave the renderer to the process that this one was forked from."""
    global _renderer
    _renderer = Renderer()


os.register_at_fork(after_in_child=_forget)
atexit.register(lambda: renderer().close())
