"""The page that a browser gets when something is refused or fails."""

import pytest
from flask import Flask
from sqlalchemy.exc import DataError, OperationalError

from erp import error_pages
from erp.app import create_app
from erp.db import db
from erp.errors import (
    DatabaseBusy,
    DatabaseFailed,
    DatabaseUnreachable,
    ErpError,
    InvalidTransition,
    ModuleOff,
    NotFound,
    PermissionDenied,
    StaleRecord,
)


@pytest.fixture
def page(tmp_path):
    """Return a function that gives the answer to a request in which an error is raised."""

    def ask(error):
        app = create_app(environment={"ERP_INSTANCE": str(tmp_path)})
        assert isinstance(app, Flask)

        def fail():
            raise error

        app.add_url_rule("/fail", "fail", fail)
        app.before_request_funcs[None] = [gate for gate in app.before_request_funcs[None] if gate.__name__ != "_gate"]
        answer = app.test_client().get("/fail")
        with app.app_context():
            db.engine.dispose()
        return answer

    return ask


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ErpError("The jar is empty."), 400),
        (PermissionDenied("jar.open"), 403),
        (NotFound("jar", "A"), 404),
        (ModuleOff("Screen jars", "shelf"), 404),
        (InvalidTransition(state="sealed", action="open"), 409),
        (StaleRecord(), 409),
        (DatabaseBusy(5), 503),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_is_a_page_with_its_sentence(page, error, status):
    answer = page(error)
    assert answer.status_code == status
    assert str(error).split("'")[0] in answer.text


def test_a_refusal_is_shown_as_text(page):
    assert "&lt;script&gt;" in page(ErpError("<script>.")).text


def test_a_value_that_no_row_can_have_is_a_bad_request(page):
    answer = page(DataError("SELECT secret", {}, Exception("integer out of range")))
    assert answer.status_code == 400
    assert "SELECT" not in answer.text


def test_a_database_that_does_not_answer_is_reported(page):
    answer = page(OperationalError("SELECT secret", {}, Exception("server closed the connection")))
    assert answer.status_code == 503
    assert "SELECT" not in answer.text


def test_a_bug_shows_no_traceback(page):
    answer = page(ZeroDivisionError("division of secret"))
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "secret" not in answer.text


def test_an_empty_database_is_reported_on_every_screen(tmp_path):
    app = create_app(environment={"ERP_INSTANCE": str(tmp_path)})
    for path in ("/login", "/sales/orders/"):
        answer = app.test_client().get(path)
        assert (answer.status_code, "erp init" in answer.text) == (503, True)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("row", ["99999999999999999999", "-1", "abc", "0"])
def test_a_row_that_cannot_be_there_is_not_found(client, row):
    assert client.get(f"/inventory/products/{row}/").status_code == 404


def test_every_status_belongs_to_a_refusal():
    assert all(issubclass(refusal, ErpError) for refusal in error_pages.STATUS)


@pytest.mark.parametrize(
    "error",
    [
        DatabaseUnreachable("postgresql://erp@db.internal/erp", "connection refused by db.internal"),
        DatabaseFailed("could not write file base/16384 on db.internal"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_page_names_no_server_user_or_file_and_the_log_does(page, error, caplog):
    answer = page(error)
    assert answer.status_code == 503
    assert "The database cannot be reached or is busy." in answer.text
    assert "db.internal" not in answer.text
    assert "db.internal" in caplog.text


def lost_connection():
    return OperationalError("SELECT 1", {}, Exception("terminating connection due to administrator command"))


def test_a_file_whose_database_fails_before_its_first_line_is_reported_like_a_page(client, monkeypatch):
    def fail(*_arguments):
        raise lost_connection()
        yield

    monkeypatch.setattr("erp.admin.settings.exchange.export_csv", fail)
    answer = client.get("/settings/export/products.csv")
    assert answer.status_code == 503
    assert answer.text == error_pages.UNAVAILABLE


def test_a_file_whose_database_fails_later_breaks_off(client, monkeypatch):
    def fail(*_arguments):
        yield "sku,name\n"
        raise lost_connection()

    monkeypatch.setattr("erp.admin.settings.exchange.export_csv", fail)
    with pytest.raises(OperationalError):
        client.get("/settings/export/products.csv")
