"""Texts that are kept and shown later: results of jobs, of files, and the history, in the language of the reader."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from erp import history, jobs
from erp.admin.recorded import recorded_name
from erp.db import commit
from erp.errors import NotFound
from erp.models import HistoryEntry, JobRun, JobRunState
from erp.numbers import format_quantity
from erp.text import capital, first_line, from_stored, joined, plural, say, stored, storing, translated, without_stop
from tests.support.marked_texts import GERMAN

TEXTS = [
    say("Line {position}: {reason}", position=2, reason=NotFound("product", "X9")),
    joined((plural(1200, "line"), capital(say("is empty")), without_stop(say("Done."))), "; "),
    capital(without_stop(say("is empty"))),
    first_line(joined((say("is empty"), "Traceback"), "\n")),
    say("{day} {number:,}", day=date(2026, 11, 23), number=Decimal("2.5")),
    say("Row {row}{what}", row=format_quantity(Decimal("1200.50")), what=None),
    say("{since:%Y-%m-%d %H:%M}", since=datetime(2026, 11, 23, 9, 30, tzinfo=UTC)),
]


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.parametrize("made", TEXTS, ids=str)
def test_a_text_that_was_kept_is_the_same_in_every_language(app, made):
    kept = from_stored("".join(stored(made)))
    assert kept == made
    with app.test_request_context(headers=GERMAN):
        assert translated(kept) == translated(made)
    assert stored(stored(made)) == stored(made)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_kept_text_has_its_facts_as_the_reader_writes_them(app):
    kept = from_stored(stored(TEXTS[1]))
    with app.test_request_context(headers=GERMAN):
        assert translated(kept) == "1.200 Positionen; Ist leer; Erledigt"
        assert translated(from_stored(stored(TEXTS[4]))) == "23.11.2026 2,5"
        assert translated(from_stored(stored(TEXTS[5]))) == "Zeile 1.200,5None"
        assert translated(from_stored(stored(TEXTS[6]))) == "23.11.2026 09:30"


FACTS = [
    {"quantity": format_quantity(Decimal("1200.50")), "names": 'PO"{}"\x1e\\'},
    {"quantity": "1200.5", "names": None},
    {"quantity": 2, "names": True},
    {"quantity": Decimal("2.5"), "names": date(2026, 11, 23)},
    {"quantity": plural(2, "line"), "names": joined(("2", " lines"), "")},
    {"quantity": joined(("2", " lines"), ""), "names": plural(2, "line")},
]


@pytest.mark.parametrize("facts", FACTS, ids=str)
def test_thousands_of_texts_are_stored_as_each_of_them_would_be(facts):
    store = storing(say("{quantity} of {names}"))
    assert [store(**facts) for _ in range(2)] == [stored(say("{quantity} of {names}", **facts))] * 2


def test_what_a_user_typed_is_kept_as_it_is_and_makes_no_text_of_the_program():
    typed = 'Wet\x1e{"text": ["Done.", {}, "", 1, "_as_it_is"]}'
    assert from_stored(stored("Done.")) == "Done."
    assert type(from_stored(stored("Done."))) is not type(say("Done."))
    assert from_stored(stored(typed)) == typed.replace("\x1e", "")


def run_with(session, **values):
    finished = {"state": JobRunState.done, "worker": "X9"} | values
    session.add(JobRun(job="allocate-backorders", **finished))
    session.commit()


def test_a_column_of_sentences_begins_with_the_english_and_is_searched_by_it(session):
    run_with(session, summary=say("{quotes} deleted.", quotes=plural(1200, "quote")))
    raw = session.execute(text("SELECT summary FROM erp_job_run")).scalar_one()
    assert raw.startswith("1,200 quotes deleted.")
    assert session.scalars(select(JobRun).where(JobRun.summary.contains("1,200 quotes"))).one().summary == (
        "1,200 quotes deleted."
    )


def test_the_result_of_a_job_is_in_the_language_of_the_reader(session, sign_in):
    run_with(session, summary=say("{quotes} deleted.", quotes=plural(1200, "quote")))
    error = joined((say("Job {name} is running already. Wait until it is done.", name="X9"), "Trace"), "\n\n")
    run_with(session, state=JobRunState.failed, error=error)
    page = sign_in("Administrator").get("/settings/jobs/allocate-backorders/", headers=GERMAN).text
    assert "1.200 Angebote gelöscht." in page
    assert "Job X9 läuft schon. Warten Sie, bis er fertig ist." in page


def test_a_job_that_ran_keeps_its_result_with_its_facts(app, session):
    assert jobs.run("delete-past-quotes").summary == "0 quotes deleted."
    run = session.scalars(select(JobRun)).one()
    with app.test_request_context(headers=GERMAN):
        assert translated(run.summary) == "0 Angebote gelöscht."


def test_what_is_wrong_with_a_file_is_in_the_language_of_the_reader(sign_in):
    file = (io.BytesIO(b"sku,name,tracking\n,Bolt,lot\nNUT,Nut,none of these\n"), "products.csv")
    browser = sign_in("Administrator")
    browser.post("/settings/import/", data={"kind": "products", "file": file}, headers=GERMAN)
    page = browser.get("/settings/import/1/", headers=GERMAN).text
    assert "2 Fehler" in page
    assert "Die Zelle ist leer." in page
    assert "Ist keines von lot, none, serial." in page


def entry(session, **values):
    subject = history.Subject("sales.order", 1, "SO1", 1)
    changes = [history.Change(subject, "changed", **values), history.Change(subject, "changed", why="Wet")]
    commit(lambda session: history.record_all(session, changes))
    mine = select(HistoryEntry).where(HistoryEntry.document == "sales.order").order_by(HistoryEntry.id)
    return session.scalars(mine).first()


def test_the_history_keeps_why_the_program_did_something_with_its_facts(app, session):
    found = entry(session, why=say("for {name}", name="SO2"))
    with app.test_request_context(headers=GERMAN):
        assert translated(found.why) == "für SO2"
    assert session.scalars(select(HistoryEntry.why).order_by(HistoryEntry.id.desc())).first() == "Wet"


def test_the_history_shows_values_as_the_columns_of_the_document_do(session, sign_in):
    entry(session, field="promise_date", old=date(2026, 11, 23), new=date(2026, 12, 1))
    entry(session, field="quantity", old=Decimal("2.5"), new=Decimal(1200))
    entry(session, field="shipping_policy", old="partial", new="complete")
    entry(session, field="name", old="2.5", new="2026-11-23")
    page = sign_in("Administrator").get("/settings/history/", headers=GERMAN).text
    for shown in ("23.11.2026", "01.12.2026", "2,5", "1.200", "Komplett", "2.5", "2026-11-23"):
        assert shown in page


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_draft_has_its_name_in_the_language_of_the_reader_in_the_history_too(app):
    entries = [HistoryEntry(document="sales.order", document_name=name) for name in ("Draft 3", "SO-1", "Draft X", "")]
    with app.test_request_context(headers=GERMAN):
        shown = [str(translated(recorded_name(entry))) for entry in entries]
    assert shown == ["Entwurf 3", "SO-1", "Draft X", "sales.order"]
