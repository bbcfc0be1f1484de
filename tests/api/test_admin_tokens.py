"""Users make and revoke tokens of their own; an administrator sees and revokes those of all."""

from __future__ import annotations

import re

from sqlalchemy import select

from modules.api.models import Token
from tests.api.conftest import Program


def make(browser, **fields):
    page = browser.post("/settings/tokens/new/", data={"name": "shop", **fields})
    assert page.status_code == 200, page.text
    return re.search(r'value="(erp_[^"]+)"', page.text).group(1)


def test_a_user_makes_a_token_that_is_shown_once(app, session, sign_in):
    clerk = sign_in("Sales clerk")
    secret = make(clerk, expires_on="2026-12-24")
    token = session.scalars(select(Token)).one()
    assert (token.user.username, token.name, token.rights) == ("sales-clerk", "shop", "*")
    assert secret not in clerk.get(f"/settings/tokens/{token.id}/").text
    assert Program(app.test_client(), secret).get("/openapi.json")["openapi"] == "3.1.0"


def test_a_token_that_cannot_be_is_refused_at_its_field(session, sign_in):
    clerk = sign_in("Sales clerk")
    for fields in ({"name": ""}, {"expires_on": "2026-11-22"}, {"rights": "erp.users"}):
        assert clerk.post("/settings/tokens/new/", data={"name": "shop", **fields}).status_code == 422
    assert session.scalars(select(Token)).all() == []


def test_nobody_sees_or_revokes_the_tokens_of_others_but_an_administrator(app, session, sign_in, client):
    clerk, packer = sign_in("Sales clerk"), sign_in("Warehouse clerk")
    program = Program(app.test_client(), make(clerk))
    address = f"/settings/tokens/{session.scalars(select(Token.id)).one()}/"
    assert packer.get(address).status_code == packer.post(f"{address}revoke/").status_code == 404
    assert "sales-clerk" not in packer.get("/settings/tokens/").text
    assert "sales-clerk" in client.get("/settings/tokens/").text
    program.get("/openapi.json")
    assert client.post(f"{address}revoke/").status_code == 302
    program.get("/openapi.json", 401)
