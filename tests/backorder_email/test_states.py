"""The states of a message and the actions that each allows."""

import pytest

from erp.errors import InvalidTransition
from modules.backorder_email.states import MESSAGE, MessageState

ALLOWED = {
    "send": {"pending"},
    "edit": {"pending", "needs_review"},
    "review": {"pending", "failed", "needs_review"},
    "confirm": {"needs_review"},
    "retry": {"failed", "skipped", "uncertain", "cancelled"},
    "mark_as_sent": {"uncertain"},
    "cancel": {"pending", "needs_review", "failed", "skipped", "uncertain"},
    "supersede": {"pending", "failed"},
    "skip": {"pending"},
    "deliver": {"sending", "uncertain"},
    "postpone": {"sending"},
    "fail": {"sending", "pending"},
    "doubt": {"sending"},
}


@pytest.mark.parametrize("state", list(MessageState))
@pytest.mark.parametrize("action", list(ALLOWED))
def test_a_message_does_only_what_is_listed(state, action):
    if state in ALLOWED[action]:
        assert MESSAGE.next(state, action) in MessageState
    else:
        with pytest.raises(InvalidTransition):
            MESSAGE.next(state, action)


def test_every_action_is_tested():
    assert set(ALLOWED) == set(MESSAGE.steps)


def test_what_is_sent_or_superseded_never_changes_again():
    assert MESSAGE.actions(MessageState.sent) == []
    assert MESSAGE.actions(MessageState.superseded) == []
