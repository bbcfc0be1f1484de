"""Throttling of failed sign-ins by name and place, counted in the database over all processes.

Nobody can lock somebody else out. Failures of a name count for the place from which they come, so its owner gets in
from another one. A device from which a user has signed in before is counted alone: neither failures of its place nor
of the user's name concern it. When a name is guessed from many places, each of them has fewer tries.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, not_, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.sign_in_models import SignInAttempt
from erp.text import say

WINDOW = timedelta(minutes=15)
_TRIES = 5
_TRIES_UNDER_ATTACK = 2
_FAILURES_OF_AN_ATTACK = 20
_TRIES_OF_PLACE = 50
_WRONG_CODES = 20


def is_throttled(session: Session, username: str, place: str, device: str = "") -> bool:
    """Say whether a sign-in is refused without looking at its password."""
    keys = _keys(username, place, device)
    rows = select(SignInAttempt.key, func.count()).where(SignInAttempt.key.in_(keys), _is_recent())
    counts = dict(session.execute(rows.group_by(SignInAttempt.key)).all())
    if device:
        return counts.get(_device(device), 0) >= _TRIES
    is_attacked = counts.get(_name(username), 0) >= _FAILURES_OF_AN_ATTACK
    tries = _TRIES_UNDER_ATTACK if is_attacked else _TRIES
    return counts.get(_pair(username, place), 0) >= tries or counts.get(_place(place), 0) >= _TRIES_OF_PLACE


def sentence() -> str:
    """Return what somebody is told who has to wait."""
    return say(
        "Too many failed sign-ins. Wait {total_seconds} minutes and try again.",
        total_seconds=int(WINDOW.total_seconds() // 60),
    )


def are_codes_throttled(session: Session, username: str) -> bool:
    """Say whether too many wrong codes of a second factor came after this user's right password."""
    wrong = select(func.count()).where(SignInAttempt.key == _codes(username), _is_recent())
    return (session.scalar(wrong) or 0) >= _WRONG_CODES


def count_code(session: Session, username: str) -> None:
    """Count a wrong code of a second factor, wherever it came from."""
    session.add(SignInAttempt(key=_codes(username)))
    session.flush()


def _is_recent() -> ColumnElement[bool]:
    """Return, in SQL, whether a failure counts; one that was counted while the clock was ahead does not."""
    return SignInAttempt.at.between(clock.now() - WINDOW, clock.now() + clock.SKEW)


def count_failure(session: Session, username: str, place: str, device: str = "") -> None:
    """Count a failed sign-in."""
    session.add_all(SignInAttempt(key=key) for key in _keys(username, place, device))
    session.flush()


def forget_failures(session: Session, username: str, place: str, device: str = "") -> None:
    """Forget the failures before a success, and those of everybody that count no more."""
    mine = _device(device) if device else _pair(username, place)
    session.execute(delete(SignInAttempt).where(SignInAttempt.key == mine))
    session.execute(delete(SignInAttempt).where(not_(_is_recent())))


def unlock(session: Session, username: str) -> int:
    """Forget all failures of a name, and those of the places from which they came; return how many there were."""
    of_name = SignInAttempt.key.startswith(f"{_name(username)} from ", autoescape=True)
    places = [
        key.rpartition(" from ")[2] for key in session.scalars(select(SignInAttempt.key).where(of_name).distinct())
    ]
    keys = [_name(username), _codes(username), *map(_place, places)]
    change = delete(SignInAttempt).where(or_(of_name, SignInAttempt.key.in_(keys)))
    count = session.scalar(select(func.count()).select_from(SignInAttempt).where(SignInAttempt.key == _name(username)))
    session.execute(change)
    return count or 0


def _keys(username: str, place: str, device: str) -> list[str]:
    return [_device(device)] if device else [_pair(username, place), _name(username), _place(place)]


def _name(username: str) -> str:
    return f"name {username.casefold()[:80]}"


def _codes(username: str) -> str:
    return f"codes of {username.casefold()[:80]}"


def _pair(username: str, place: str) -> str:
    return f"{_name(username)} from {place}"[:200]


def _place(place: str) -> str:
    return f"place {place}"[:200]


def _device(device: str) -> str:
    return f"device {device}"[:200]
