"""Tokens let programs in as users: with the user's rights or fewer, until they expire or are revoked."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from erp import security
from erp.db import commit
from modules.api import services
from modules.api.errors import BadTokenName, ExpiryPassed, RightsNotHeld, TokenNameTaken
from modules.api.models import Token
from tests.conftest import add_user
from tests.support.sales import make_draft

pytestmark = pytest.mark.needs("sales")


def the_token(session) -> Token:
    return session.scalars(select(Token)).one()


def test_nobody_gets_in_without_a_token_that_is_good(app, client, program):
    for headers in ({}, {"Authorization": "Bearer erp_wrong"}, {"Authorization": f"Basic {program.secret}"}):
        refused = client.get("/api/v1/orders", headers=headers)  # the browser's cookie does not count
        assert (refused.status_code, refused.mimetype) == (401, "application/problem+json")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert program.get("/orders") == {"items": [], "next": None}


def test_the_token_is_kept_nowhere(session, program):
    token = the_token(session)
    assert program.secret.startswith("erp_")
    assert program.secret not in (token.key, token.name)
    assert len(token.key) == 64


def test_a_token_is_good_until_the_end_of_its_last_day(at, program_of):
    shop = program_of("Sales clerk", expires_on=date(2026, 11, 24))
    at("2026-11-24T23:59:59Z")
    shop.get("/orders")
    at("2026-11-25T00:00:00Z")
    shop.get("/orders", 401)


def test_a_revoked_token_and_one_of_a_user_who_is_kept_out_let_nobody_in(session, program_of):
    clerk, packer = program_of("Sales clerk"), program_of("Warehouse clerk")
    token_id = session.scalars(select(Token.id).order_by(Token.id)).first()
    commit(lambda session: services.revoke_token(session, token_id))
    clerk.get("/orders", 401)
    packer.get("/orders")
    user = security.find_user(session, "warehouse-clerk")
    commit(lambda session: security.set_active(session, session.merge(user), False))
    packer.get("/orders", 401)


def test_a_token_has_the_rights_of_its_user_or_fewer(session, program_of):
    draft = make_draft(session)
    session.commit()
    confirm = f"/orders/{draft.id}/confirm"
    refusal = program_of("Auditor").post(confirm, status=403)
    assert refusal["facts"] == {"permission": "sales.edit"}
    program_of("Sales clerk", rights=["sales.view"]).post(confirm, status=403)
    program_of("Merchandiser", rights=["preorder.view"]).get("/orders", 403)
    session.refresh(draft)
    assert draft.state == "draft"


def test_a_token_that_nobody_can_have_is_refused(session):
    clerk = add_user("clerk", "Sales clerk")
    services.add_token(session, clerk, "shop")
    for error, name, more in (
        (TokenNameTaken, "shop", {}),
        (BadTokenName, " shop", {}),
        (RightsNotHeld, "other", {"rights": ["sales.view", "erp.users"]}),
        (ExpiryPassed, "other", {"expires_on": date(2026, 11, 22)}),
    ):
        with pytest.raises(error):
            services.add_token(session, clerk, name, **more)


def test_the_last_use_is_written_at_most_once_a_minute(at, session, program):
    for instant, used in (("12:00:10", "12:00:10"), ("12:00:50", "12:00:10"), ("12:01:30", "12:01:30")):
        at(f"2026-11-23T{instant}Z")
        program.get("/orders")
        session.expire_all()
        assert f"{the_token(session).last_used_at:%H:%M:%S}" == used


@pytest.mark.option("api.requests_per_minute", "2", "3")
def test_a_token_that_asks_too_often_waits_until_the_minute_is_over(at, set_option, program):
    set_option("api.requests_per_minute", "2")
    program.get("/orders")
    program.get("/orders")
    at("2026-11-23T12:00:20Z")
    refusal = program.get("/orders", 429)
    assert (refusal["facts"], program.answer.headers["Retry-After"]) == ({"limit": 2, "seconds": 40}, "40")
    at("2026-11-23T12:01:00Z")
    set_option("api.requests_per_minute", "3")
    for _ in range(3):
        program.get("/orders")
    program.get("/orders", 429)
