"""`erp users`: users and their roles."""

from __future__ import annotations

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from erp import history, provider, second_factor, security, throttling
from erp.cli.wrapping import why_option
from erp.db import commit, db
from erp.errors import ErpError
from erp.models import User
from erp.text import plural


class NameTaken(ErpError):
    """Another user has that name."""

    def __init__(self, username: str) -> None:
        super().__init__(f"There is a user {username!r} already.")


class BadName(ErpError):
    """A name that nobody can sign in with."""

    def __init__(self, username: str) -> None:
        super().__init__("A user's name has 1 to 80 characters and no blanks around it.")


password_option = click.option(
    "--password", help="At least 10 characters. Without it one is generated, printed once and to be changed."
)


@click.group()
def users() -> None:
    """Manage users and their roles."""


@users.command("list")
def list_users() -> None:
    """Print every user with their roles."""
    query = select(User).order_by(User.username).options(selectinload(User.roles))
    owners = second_factor.owners(db.session())
    for user in db.session.scalars(query):
        roles = ", ".join(role.name for role in user.roles) or "no role"
        notes = [" (deactivated)"] * (not user.is_active) + [" (second factor)"] * (user.id in owners)
        click.echo(f"{user.username}: {roles}{''.join(notes)}")


@users.command()
@click.argument("username")
@click.option("--role", "roles", multiple=True, help="A role by its name; may be given more than once.")
@click.option("--name", default="", help="The user's full name.")
@click.option("--email", default="", help="The user's email address.")
@password_option
@why_option
def add(username: str, roles: tuple[str, ...], name: str, email: str, password: str | None, why: str) -> None:
    """Add a user."""

    def work(session: Session) -> None:
        _check_name(session, username)
        security.add_user(session, username, chosen, roles=roles, name=name, email=email, must_change=password is None)

    chosen = security.generate_password() if password is None else password
    with history.because(db.session(), why):
        commit(work)
    _print_lines(username, password, chosen)


def _check_name(session: Session, username: str) -> None:
    if not username or len(username) > 80 or username != username.strip() or not username.isprintable():
        raise BadName(username)
    if session.scalar(select(User.id).where(User.username == username)) is not None:
        raise NameTaken(username)


@users.command("password")
@click.argument("username")
@password_option
def set_password(username: str, password: str | None) -> None:
    """Give a user another password, which ends their sessions."""

    def work(session: Session) -> None:
        user = security.find_user(session, username)
        security.set_password(session, user, chosen, must_change=password is None)

    chosen = security.generate_password() if password is None else password
    commit(work)
    _print_lines(username, password, chosen)


@users.command()
@click.argument("username")
@why_option
def deactivate(username: str, why: str) -> None:
    """Keep a user out and end their sessions; what they did stays recorded."""
    with history.because(db.session(), why):
        commit(lambda session: security.set_active(session, security.find_user(session, username), False))


@users.command()
@click.argument("username")
@why_option
def activate(username: str, why: str) -> None:
    """Let a user who was kept out sign in again."""
    with history.because(db.session(), why):
        commit(lambda session: security.set_active(session, security.find_user(session, username), True))


@users.command()
@click.argument("username")
@click.option("--role", "names", multiple=True, help="A role by its name; may be given more than once. None: no role.")
@why_option
def roles(username: str, names: tuple[str, ...], why: str) -> None:
    """Give a user these roles and no others."""

    def work(session: Session) -> None:
        chosen = [security.find_role(session, name) for name in dict.fromkeys(names)]
        security.set_roles(session, security.find_user(session, username), chosen)

    with history.because(db.session(), why):
        commit(work)


@users.command("reset-second-factor")
@click.argument("username")
@why_option
def reset_second_factor(username: str, why: str) -> None:
    """Remove the second factor of a user who lost it, which ends their sessions."""
    with history.because(db.session(), why):
        commit(lambda session: second_factor.reset(session, security.find_user(session, username)))


@users.command("forget-provider")
@click.argument("username")
@why_option
def forget_provider(username: str, why: str) -> None:
    """Forget which account of an OpenID Connect provider is this user's, and end their sessions."""
    with history.because(db.session(), why):
        commit(lambda session: provider.forget(session, security.find_user(session, username)))


@users.command()
@click.argument("username")
def unlock(username: str) -> None:
    """Forget the failed sign-ins of a name, and those of the places from which they came."""
    count = commit(lambda session: throttling.unlock(session, username))
    click.echo(f"{plural(count, 'failed sign-in')} of {username} forgotten.")


def _print_lines(username: str, given: str | None, chosen: str) -> None:
    if given is None:
        click.echo(f"Password of {username}: {chosen} (to be changed at the next sign-in)")
