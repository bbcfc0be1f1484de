"""When incoming supply counts as arriving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from erp.text import plural, say


@dataclass(frozen=True)
class Arrivals:
    """When incoming supply counts as arriving, seen from `today`.

    Overdue supply counts `overdue_days` from today; supply that is overdue by more than `past_due_days` has no arrival
    date (None: there is no such limit).
    """

    today: date
    overdue_days: int = 7
    past_due_days: int | None = None

    def overdue_by(self, expected_on: date | None) -> int:
        """Return by how many days supply is overdue: 0 where it is not."""
        return 0 if expected_on is None else max(0, (self.today - expected_on).days)

    def is_too_overdue(self, expected_on: date | None) -> bool:
        """Return whether supply is overdue for so long that it is neither promised nor allocated automatically."""
        return self.past_due_days is not None and self.overdue_by(expected_on) > self.past_due_days

    def arrival(self, expected_on: date | None) -> date | None:
        """Return the day on which supply can be counted on; None where there is none."""
        if self.is_too_overdue(expected_on):
            return None
        return self.today + timedelta(self.overdue_days) if self.overdue_by(expected_on) else expected_on

    def describe(self, expected_on: date | None) -> str:
        """Return when supply is expected, in words."""
        if expected_on is None:
            return say("without a date")
        overdue = self.overdue_by(expected_on)
        if not overdue:
            return say("expected {day:%d %b %Y}", day=expected_on)
        arrival = self.arrival(expected_on)
        counted = say("counted on no day")
        if arrival:
            counted = say("counted from {day:%d %b %Y}", day=arrival)
        days = plural(overdue, "day")
        return say("expected {day:%d %b %Y}, overdue by {days}, {counted}", day=expected_on, days=days, counted=counted)
