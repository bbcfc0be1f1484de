"""The second factor of a user: codes that an app makes (TOTP, RFC 6238), and recovery codes for when it is lost.

With `[erp] second_factor` on, who has set one up is asked for a code after the password. A code is taken once; a
recovery code too. The rights of the roles in `[erp] second_factor_roles` need one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Iterator
from hashlib import sha256

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from erp import access_log, clock, history, sessions, throttling
from erp.errors import ErpError, SignInRefused
from erp.models import Role, User
from erp.options import options
from erp.sign_in_models import RecoveryCode, SecondFactor, SignInMethod
from erp.text import say

CODES = 10
_STEP = 30  # seconds, as every app has them
_DRIFT = 1  # steps that the clock of a phone may be ahead or behind
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BLANKS = re.compile(r"[\s-]+")


class BadCode(ErpError):
    """A code of a second factor that is another one, too old, or was taken before."""

    field = "code"

    def __init__(self) -> None:
        super().__init__("The code is not right, or was used before. Wait for the next one and enter that.")


class SecondFactorSet(ErpError):
    """The user has a second factor already."""

    def __init__(self) -> None:
        super().__init__("You have set up a second factor already. Remove it first.")


class SecondFactorMissing(ErpError):
    """The user has no second factor, or did not begin to set one up."""

    def __init__(self) -> None:
        super().__init__("There is no second factor. Set it up first.")


class SecondFactorRequired(ErpError):
    """A role of the user needs a second factor."""

    def __init__(self) -> None:
        super().__init__("One of your roles needs a second factor, so that you cannot remove it.")


def is_on() -> bool:
    """Say whether users may set up a second factor, and are asked for it."""
    return bool(options.erp.second_factor)


def is_asked(session: Session, user: User) -> bool:
    """Say whether a code of this user is asked for after the password."""
    return is_on() and has(session, user)


def has(session: Session, user: User) -> bool:
    """Say whether the user has set up a second factor."""
    is_mine = (SecondFactor.user_id == user.id, SecondFactor.confirmed_at.is_not(None))
    return session.scalar(select(SecondFactor.user_id).where(*is_mine)) is not None


def owners(session: Session) -> set[int]:
    """Return the ids of the users who have set up a second factor."""
    return set(session.scalars(select(SecondFactor.user_id).where(SecondFactor.confirmed_at.is_not(None))))


def roles_that_need_one() -> list[str]:
    """Return the names of the roles whose users have to set one up."""
    return [name.strip() for name in options.erp.second_factor_roles.split(",") if name.strip()] if is_on() else []


def is_required(user: User) -> bool:
    """Say whether one of the user's roles needs a second factor."""
    return not {role.name for role in user.roles}.isdisjoint(roles_that_need_one())


def has_to_set_up(user: User) -> bool:
    """Say whether the signed-in user has to set one up before anything else; a provider asks for its own."""
    return user.session_method == SignInMethod.password and not user.has_second_factor and is_required(user)


def has_ended(user: User) -> bool:
    """Say whether the session of this user is over, because it began without the code that is asked for now."""
    return user.session_method == SignInMethod.password and user.has_second_factor and is_on()


def unknown_roles(session: Session) -> Iterator[str]:
    """Yield a sentence for each name in `[erp] second_factor_roles` that is no role: it would protect nobody."""
    known = set(session.scalars(select(Role.name)))
    for name in roles_that_need_one():
        if name not in known:
            yield say(
                "Option erp.second_factor_roles names {name!r}, which is no role and so protects nobody.", name=name
            )


def begin(session: Session, user: User) -> str:
    """Return a new secret for the user's app, which `confirm` makes valid; raise SecondFactorSet where one is."""
    _lock(session, user)
    factor = session.get(SecondFactor, user.id)
    if factor is not None and factor.confirmed_at is not None:
        raise SecondFactorSet
    if factor is None:
        factor = SecondFactor(user_id=user.id)
        session.add(factor)
    import pyotp

    factor.secret, factor.last_step = pyotp.random_base32(), 0
    session.flush()
    return factor.secret


def waiting_secret(session: Session, user: User) -> str:
    """Return the secret that waits to be confirmed; raise SecondFactorMissing where none does."""
    factor = session.get(SecondFactor, user.id)
    if factor is None or factor.confirmed_at is not None:
        raise SecondFactorMissing
    return factor.secret


def confirm(session: Session, user: User, code: str) -> list[str]:
    """Make the secret valid that the app has, and return the recovery codes; raise BadCode for another code.

    The sessions of the user end: they began without a code.
    """
    _lock(session, user)
    waiting_secret(session, user)
    if not _is_taken(session, user, code):
        raise BadCode
    factor = session.get_one(SecondFactor, user.id)
    session.refresh(factor)
    factor.confirmed_at = clock.now()
    _note(session, user, "second factor set up")
    return _new_codes(session, user)


def renew_codes(session: Session, user: User) -> list[str]:
    """Return new recovery codes; the old ones are worth nothing. Raises SecondFactorMissing."""
    _lock(session, user)
    _require(session, user)
    _note(session, user, "recovery codes made", ends_sessions=False)
    return _new_codes(session, user)


def remove(session: Session, user: User) -> None:
    """Remove the user's own second factor; raise SecondFactorRequired where a role of theirs needs it."""
    _lock(session, user)
    _require(session, user)
    if is_required(user):
        raise SecondFactorRequired
    _delete(session, user)
    _note(session, user, "second factor removed")


def reset(session: Session, user: User) -> None:
    """Remove the second factor of a user who lost it, which ends their sessions; raise SecondFactorMissing."""
    _lock(session, user)
    _require(session, user)
    _delete(session, user)
    _note(session, user, "second factor reset")


def enter(session: Session, user: User, code: str, place: str, device: str = "") -> None:
    """Take a code or a recovery code of the user; raise SignInRefused after counting the attempt.

    The caller commits in either case. Wrong codes count like wrong passwords; in addition those from devices that
    are not known count for the user, wherever they come from: only who has the password gets here.
    """
    name = user.username
    is_guessed = not device and throttling.are_codes_throttled(session, name)
    if is_guessed or throttling.is_throttled(session, name, place, device):
        access_log.refused(session, name, place, "throttled")
        raise SignInRefused(throttling.sentence(), throttled=True)
    if not (_is_taken(session, user, code) or _is_recovery_code(session, user, code)):
        throttling.count_failure(session, name, place, device)
        throttling.count_code(session, name)
        access_log.refused(session, name, place, "wrong code")
        raise SignInRefused(str(BadCode()), throttled=False)
    throttling.forget_failures(session, name, place, device)


def recovery_codes_left(session: Session, user: User) -> int:
    """Return how many recovery codes of the user are unused."""
    return session.scalar(select(func.count()).where(RecoveryCode.user_id == user.id)) or 0


def address_for_app(user: User, secret: str) -> str:
    """Return what an app reads to make the codes: an `otpauth:` address."""
    import pyotp

    return pyotp.TOTP(secret).provisioning_uri(
        name=user.username, issuer_name=options.erp.company_name.replace(":", " ")
    )


def picture(address: str) -> str:
    """Return the address as a QR code: SVG to be put into a page."""
    import segno

    return segno.make(address, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=False)


def _is_taken(session: Session, user: User, code: str) -> bool:
    """Take a code: say whether it is the app's now and was not taken before, here or by another process."""
    factor = session.get(SecondFactor, user.id)
    now = int(clock.now().timestamp()) // _STEP
    step = next(_steps(factor.secret, now, code), None) if factor is not None else None
    if step is None:
        return False
    # A step that was taken while the clock was ahead keeps nobody out.
    is_later = or_(SecondFactor.last_step < step, SecondFactor.last_step > now + _DRIFT)
    change = update(SecondFactor).where(SecondFactor.user_id == user.id, is_later).values(last_step=step)
    taken = session.execute(change, execution_options={"synchronize_session": False})
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def _steps(secret: str, now: int, code: str) -> Iterator[int]:
    """Yield the time steps around now whose code this is."""
    import pyotp

    app, plain = pyotp.TOTP(secret), _BLANKS.sub("", code)
    for step in range(now - _DRIFT, now + _DRIFT + 1):
        if plain.isascii() and secrets.compare_digest(app.generate_otp(step), plain):
            yield step


def _is_recovery_code(session: Session, user: User, code: str) -> bool:
    """Use up a recovery code; say whether it was one."""
    is_it = (RecoveryCode.user_id == user.id, RecoveryCode.key == _key(code))
    used = session.execute(delete(RecoveryCode).where(*is_it))
    if not used.rowcount:  # type: ignore[attr-defined]
        return False
    _note(session, user, "recovery code used", ends_sessions=False)
    return True


def _new_codes(session: Session, user: User) -> list[str]:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [_recovery_code() for _ in range(CODES)]
    session.add_all(RecoveryCode(user_id=user.id, key=_key(code)) for code in codes)
    session.flush()
    return codes


def _recovery_code() -> str:
    """Return 80 bits that nobody can guess, in groups that can be typed."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return "-".join(_parts(letters, 4))


def _parts(text: str, size: int) -> Iterable[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _key(code: str) -> str:
    """Return what is kept of a recovery code: a table or a backup that is read lets nobody in."""
    return sha256(_BLANKS.sub("", code).upper().encode("utf-8", "replace")).hexdigest()


def _lock(session: Session, user: User) -> None:
    """Let two windows of a user change the second factor one after the other."""
    session.execute(select(User.id).where(User.id == user.id).with_for_update())


def _require(session: Session, user: User) -> None:
    if not has(session, user):
        raise SecondFactorMissing


def _delete(session: Session, user: User) -> None:
    for table in (RecoveryCode, SecondFactor):
        session.execute(delete(table).where(table.user_id == user.id))


def _note(session: Session, user: User, what: str, *, ends_sessions: bool = True) -> None:
    if ends_sessions:
        sessions.end_all(session, user)
    history.record(session, history.Subject("erp.user", user.id, user.username), what)
    access_log.changed(session, user.username, what)
