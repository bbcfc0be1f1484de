"""Commands of the HTTP interface."""

from __future__ import annotations

from datetime import date, datetime

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp import security
from erp.cli.wrapping import with_screens
from erp.db import commit, db
from erp.errors import NotFound
from modules.api import services
from modules.api.http import document
from modules.api.models import Token


@click.group()
def tokens() -> None:
    """Manage the tokens with which programs sign in as users."""


@tokens.command("add")
@click.argument("username")
@click.argument("name")
@click.option("--right", "rights", multiple=True, help="Only this right of the user; may be given more than once.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), help="The last day on which it is good; without it, until revoked."
)
def add_token(username: str, name: str, rights: tuple[str, ...], until: datetime | None) -> None:
    """Make a token NAME of a user, and print it: it is shown this once."""
    day: date | None = None if until is None else until.date()

    def work(session: Session) -> str:
        user = security.find_user(session, username)
        return services.add_token(session, user, name, rights=rights, expires_on=day)[1]

    secret = commit(work)
    click.echo(secret)


@tokens.command("list")
def list_tokens() -> None:
    """Print the tokens of all users, and what each is good for."""
    rows = select(Token).options(joinedload(Token.user)).join(Token.user).order_by(Token.user_id, Token.id)
    for token in db.session.scalars(rows):
        notes = [f"rights {token.rights}" if token.is_limited else "all rights of the user"]
        notes += [f"until {token.expires_at:%Y-%m-%d %H:%M} UTC"] * (token.expires_at is not None)
        notes += ["revoked"] * (token.revoked_at is not None)
        click.echo(f"{token.user.username} {token.name}: {', '.join(notes)}")


@tokens.command("revoke")
@click.argument("username")
@click.argument("name")
def revoke_token(username: str, name: str) -> None:
    """Let nobody in by the token NAME of a user any more."""
    user = security.find_user(db.session(), username)
    good = select(Token.id).where(Token.user_id == user.id, Token.name == name, Token.revoked_at.is_(None))
    token_id = db.session.scalar(good)
    if token_id is None:
        raise NotFound("token", name)
    commit(lambda session: services.revoke_token(session, token_id))
    click.echo(f"The token {name} of {username} is revoked.")


@click.command()
@with_screens
def openapi() -> None:
    """Print the OpenAPI document of the modules that are on."""
    click.echo(document())
