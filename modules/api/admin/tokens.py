"""Tokens: users make and revoke their own, administrators see and revoke those of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override
from wtforms import Form

from erp import clock
from erp.admin import Action, Badge, DayField, Facts, Result, Screen
from erp.admin.access import may, screen_session
from erp.admin.fields import TicksField
from erp.models import User
from erp.registry import current_registry
from erp.text import say
from modules.api import services
from modules.api.models import Token

ALL_TOKENS = "api.tokens"


def _state_of(token: Token) -> Badge:
    if token.revoked_at is not None:
        return Badge("revoked", "danger")
    if token.expires_at is not None and token.expires_at <= clock.now():
        return Badge("expired", "warning")
    return Badge("good", "success")


def _revoke(session: Session, token: Token) -> str:
    services.revoke_token(session, token.id)
    return say("{token} is revoked.", token=token.name)


def _is_revoked(_session: Session, token: Token) -> Facts:
    return {"revoked at": token.revoked_at}


class TokenScreen(Screen):
    """The tokens of the user; those of all users for who has the right."""

    model = Token
    view_name = "api.token"
    title = "API Tokens"
    noun = "token"
    url = "/settings/tokens"
    icon = "fa-plug"
    edit_permission = "api.use"
    can_edit = can_delete = False
    column_list = ("name", "user.username", "created_at", "expires_at", "last_used_at", "revoked_at")
    column_labels = {
        "user.username": "User",
        "created_at": "Made at",
        "expires_at": "Expires at",
        "last_used_at": "Last used at",
        "revoked_at": "Revoked at",
    }
    column_searchable_list = ("name",)
    column_default_sort = ("id", True)
    column_sortable_list = ()
    form_columns = ("name",)
    form_args = {"name": {"description": "What the program is called, such as webshop."}}
    header_fields = (
        ("User", "user.username"),
        ("Rights", lambda token: token.rights if token.is_limited else say("all rights of the user")),
        ("Made at", "created_at"),
        ("Expires at", "expires_at"),
        ("Last used at", "last_used_at"),
        ("Revoked at", "revoked_at"),
    )
    detail_loads = (joinedload(Token.user),)
    actions = (
        Action(
            name="revoke",
            label="Revoke",
            permission="api.use",
            run=_revoke,
            depends_on=_is_revoked,
            allowed=lambda token: token.revoked_at is None,
            style="danger",
            icon="fa-ban",
            confirm="Revoke this token? The program that uses it is refused from then on.",
        ),
    )
    empty_message = "There are no tokens yet. Make one for each program."

    @override
    def condition(self) -> Any:
        return None if may(ALL_TOKENS) else Token.user_id == current_user.id

    @override
    def load(self, session: Session, id: int) -> Any:
        token = super().load(session, id)
        return token if token is not None and (may(ALL_TOKENS) or token.user_id == current_user.id) else None

    @override
    def badges(self, row: Any) -> Sequence[Any]:
        return (_state_of(row),)

    @override
    def scaffold_form(self) -> type[Form]:
        base = super().scaffold_form()  # its fields come first
        more = {
            "expires_on": DayField("Good until the end of", description="Empty: until it is revoked."),
            "rights": TicksField("Rights", description="None ticked: all rights that you have, also later ones."),
        }
        return type("TokenForm", (base,), more)

    @override
    def prepare_form(self, form: Form, row: Any) -> None:
        declared = current_registry().all_permissions().items()
        form["rights"].choices = [(name, title) for name, title in declared if may(name)]

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        token, g.api_secret = services.add_token(
            session,
            session.get_one(User, current_user.id),
            (form["name"].data or "").strip(),
            rights=form["rights"].data or (),
            expires_on=form["expires_on"].data,
        )
        return token

    @override
    def saved(self, id: int, is_new: bool) -> ResponseReturnValue:
        token = self.load(screen_session(), id)
        message = say("{token} is made. Copy it now: it is shown only once.", token=token.name)
        return self.show_row(id, result=Result(message, "api/secret.html", {"secret": g.api_secret}))
