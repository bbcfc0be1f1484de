"""What a run counted, what failed, and what it prints."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter


class Report:
    """Counters by name and the failures of a part; several threads may write."""

    def __init__(self, part: str, seed: int) -> None:
        self.part, self.seed = part, seed
        self.counted: Counter[str] = Counter()
        self.measured: dict[str, str] = {}
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def count(self, name: str, number: int = 1) -> None:
        """Count something."""
        with self._lock:
            self.counted[name] += number

    def measure(self, name: str, value: str) -> None:
        """Note a figure that is not counted."""
        with self._lock:
            self.measured[name] = value

    def fail(self, sentence: str) -> None:
        """Note what must not have happened."""
        with self._lock:
            self.failures.append(sentence)
        self.note(f"FAILED {sentence}")

    def note(self, sentence: str) -> None:
        """Say how far it is."""
        print(f"[{self.part} {self.seconds:6.0f} s] {sentence}", file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """Return for how long the part has run."""
        return time.monotonic() - self._began

    def __str__(self) -> str:
        counted = ", ".join(f"{name} {number:,}" for name, number in self.counted.items())
        measured = "".join(f", {name} {value}" for name, value in self.measured.items())
        head = (
            f"{self.part}: seed {self.seed}, {self.seconds:.0f} s, {counted}{measured}, failures {len(self.failures)}"
        )
        return "\n".join([head, *(f"  {sentence}" for sentence in self.failures)])
