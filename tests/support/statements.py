"""What is sent to the database."""

from __future__ import annotations

from contextlib import contextmanager

from sqlalchemy import event

from erp.db import db


@contextmanager
def parameters_sent():
    """Give the list of the numbers of parameters of the statements inside."""
    sent = []

    def note(_connection, _cursor, _statement, parameters, _context, executemany):
        sent.append(0 if executemany else len(parameters or ()))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
