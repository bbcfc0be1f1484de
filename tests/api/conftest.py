"""What the tests of the HTTP interface share: a program with a token."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from flask.testing import FlaskClient

from erp.db import commit, db
from modules.api import services
from tests.conftest import add_user


class Program:
    """A program that signs in with a token; each change has a key of its own unless one is given."""

    def __init__(self, client: FlaskClient, secret: str) -> None:
        self.client, self.secret = client, secret
        self.keys = itertools.count(1)

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self.send("GET", path, status, **more)

    def post(self, path: str, body: Any = None, status: int = 200, *, key: str = "", **more: Any) -> Any:
        headers = {"Idempotency-Key": key or f"{self.secret[-6:]}-{next(self.keys)}", **more.pop("headers", {})}
        return self.send("POST", path, status, json={} if body is None else body, headers=headers, **more)

    def send(self, method: str, path: str, status: int, **more: Any) -> Any:
        """Return the answer's body; `self.answer` is the answer."""
        headers = {"Authorization": f"Bearer {self.secret}", **more.pop("headers", {})}
        self.answer = self.client.open(f"/api/v1{path}", method=method, headers=headers, **more)
        assert self.answer.status_code == status, self.answer.get_data(as_text=True)
        return self.answer.get_json(force=True, silent=True)


@pytest.fixture
def program_of(app):
    """Return a function that gives a program with a token of somebody who has that role."""

    def make(role: str, **limits: Any) -> Program:
        user = add_user(role.lower().replace(" ", "-") if role != "Administrator" else "admin", role)
        db.session.commit()
        secret = commit(lambda session: services.add_token(session, session.merge(user), "shop", **limits)[1])
        return Program(app.test_client(), secret)

    return make


@pytest.fixture
def program(program_of):
    """A program of the administrator."""
    return program_of("Administrator")
