"""A database that fails within a request, and is back: no restart of ours, no traceback."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, event, text

from erp.db import db


@pytest.fixture
def killing(app):
    """An address of the application whose connection dies before the request is over."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("a SQLite database has no connection that could die")

    def kill():
        pid = db.session.scalar(text("SELECT pg_backend_pid()"))
        other = create_engine(db.engine.url)
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
            connection.commit()
        other.dispose()
        return "answered"

    view = app.view_functions["health"]
    app.view_functions["health"] = kill
    yield "/health"
    app.view_functions["health"] = view


def test_a_connection_that_dies_after_the_last_statement_of_a_request_takes_nothing_from_its_answer(killing, app):
    client = app.test_client()
    answer = client.get(killing)
    assert (answer.status_code, answer.text) == (200, "answered")
    assert client.get("/login").status_code == 200


def test_a_full_disk_is_a_sentence_and_what_is_refused_then_is_done_once_there_is_room(app, client):
    if db.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's disk is that of all tests")
    form = {"sku": "FULL", "name": "x" * 200, "unit": "pcs", "unit_decimals": "0", "tracking": "lot", "is_active": "y"}
    with db.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def limit(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count = {pages}")

    db.session.rollback()
    event.listen(db.engine, "checkout", limit)
    statuses = []
    for number in range(40):
        answer = client.post("/inventory/products/new/", data={**form, "sku": f"FULL{number}"})
        statuses.append(answer.status_code)
        if answer.status_code == 503:
            break
    assert statuses[-1] == 503, statuses
    assert "busy" in answer.text or "reached" in answer.text
    event.remove(db.engine, "checkout", limit)
    db.session.rollback()
    db.engine.dispose()
    assert client.post("/inventory/products/new/", data={**form, "sku": "ROOM"}).status_code == 302
