"""The pages that change expected dates, and what the new dates break, shown before they are saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

from flask import g, request
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import FieldList, Form, FormField, HiddenField
from wtforms.validators import Optional

from erp.admin import DayField, Facts, FormPage
from erp.admin.formatting import day
from erp.text import plural, say
from modules.procurement import services
from modules.procurement.admin.versions import expected_dates_of, state_of
from modules.procurement.errors import ImpactUnseen
from modules.procurement.hooks import Impact, NewsPreview, arrival_impact, arrival_news

SEEN = "impact_seen"


def show_impact_first(session: Session, dates: Mapping[int, date | None]) -> None:
    """Raise ImpactUnseen where these dates break promises and the form does not say that the user has seen them.

    The page is shown again with them (`procurement/impact.html`), and with a field that says so.
    """
    impacts = [impact for answer in arrival_impact(session, dates) for impact in answer] if dates else []
    fingerprint = _fingerprint(dates, impacts)
    if impacts and request.form.get(SEEN) != fingerprint:
        g.procurement_impacts, g.procurement_impact_seen = impacts, fingerprint
        raise ImpactUnseen(promises=len(impacts))


def _fingerprint(dates: Mapping[int, date | None], impacts: list[Impact]) -> str:
    """Return what changes with the dates or what they break, so that it is then shown again."""
    return sha256(repr((sorted(dates.items()), impacts)).encode()).hexdigest()[:24]


def news_of_arrivals(session: Session, line_ids: Sequence[int]) -> list[tuple[str, NewsPreview]]:
    """Return whom changed dates of these lines would notify, with the words that introduce it."""
    answers = arrival_news(session, line_ids)
    return [("If promise dates change with it", news) for news in answers if news is not None]


class DateForm(Form):
    """The expected date of a line."""

    expected_on = DayField("Expected on", [Optional()], description="Leave it empty where no day is known.")


class ExpectedDate(FormPage):
    """The page that changes the expected date of a line."""

    name = "expected-date"
    title = "Expected date"
    permission = "procurement.edit"
    icon = "fa-calendar"
    button = "Save date"
    template = "procurement/expected_date.html"
    form_class = DateForm

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {**state_of(row.order), **expected_dates_of([row])}

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {"news": news_of_arrivals(session, [row.id])}

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.expected_on.data = row.expected_on

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        # Locked first, so that what is allocated at the same moment is shown, too.
        services.lock_lines(session, [row.id])
        name, new = str(row), form.expected_on.data
        if new != row.expected_on:
            show_impact_first(session, {row.id: new})
        services.set_expected_dates(session, {row.id: new})
        return (
            say("{name} is expected on {new}.", name=name, new=day(new))
            if new
            else say("{name} has no expected date.", name=name)
        )


class DatedLineForm(Form):
    """The expected date of one of several lines."""

    line_id = HiddenField()
    expected_on = DayField("Expected on", [Optional()])


class DatesForm(Form):
    """The expected dates of the open lines of an order."""

    lines = FieldList(FormField(DatedLineForm))


class ExpectedDates(FormPage):
    """The page that changes the expected dates of the open lines of an order."""

    name = "expected-dates"
    title = "Expected dates"
    permission = "procurement.edit"
    icon = "fa-calendar"
    button = "Save dates"
    template = "procurement/expected_dates.html"
    form_class = DatesForm

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {**state_of(row), **expected_dates_of(row.lines)}

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        for line in (line for line in row.lines if line.has_outstanding):
            form.lines.append_entry({"line_id": str(line.id), "expected_on": line.expected_on})

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        lines = {str(line.id): line for line in row.lines}
        return {"order_lines": lines, "news": news_of_arrivals(session, [line.id for line in row.lines])}

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        name, lines = row.name, {str(line.id): line for line in row.lines}
        entries = [entry.form for entry in form.lines if entry.form.line_id.data in lines]
        dates = {lines[entry.line_id.data].id: entry.expected_on.data for entry in entries}
        # Locked first, so that what is allocated at the same moment is shown, too.
        services.lock_lines(session, dates)
        old = {line.id: line.expected_on for line in row.lines}
        show_impact_first(session, {line_id: new for line_id, new in dates.items() if new != old[line_id]})
        return say(
            "{name}: {expected_dates} changed.",
            name=name,
            expected_dates=plural(services.set_expected_dates(session, dates), "expected date"),
        )
