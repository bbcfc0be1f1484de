"""Which news holds, what an answer means, how long to wait, and what states a message goes through."""

from datetime import date, timedelta

import pytest

from erp.errors import InvalidTransition
from modules.backorder_email.domain.delivery import Ending, back_off, is_given_up, of_reply
from modules.backorder_email.domain.news import NewsStatus, drop_reason, in_words
from modules.backorder_email.states import MESSAGE, Cause, DropReason, MessageState


def standing(cause=Cause.purchase_allocated, **overrides):
    return NewsStatus(**{"news_id": 1, "cause": cause, "is_allocated": True, "has_newer": False} | overrides)


@pytest.mark.parametrize("cause", [Cause.purchase_allocated, Cause.status_changed, Cause.date_changed])
def test_news_of_a_link_that_is_gone_is_dropped(cause):
    assert drop_reason(standing(cause, is_allocated=False)) is DropReason.removed


def test_a_cancellation_holds_without_a_link():
    assert drop_reason(standing(Cause.cancelled, is_allocated=False)) is None


@pytest.mark.parametrize("cause", list(Cause))
def test_overtaken_news_is_dropped(cause):
    assert drop_reason(standing(cause, has_newer=True)) is DropReason.superseded


def test_a_status_that_is_no_longer_the_lines_is_overtaken():
    assert drop_reason(standing(Cause.status_changed, status_id=1, current_status_id=1, new_date=date.max)) is None
    assert drop_reason(standing(Cause.status_changed, status_id=1, current_status_id=2)) is DropReason.superseded
    assert drop_reason(standing(Cause.purchase_allocated, status_id=1, current_status_id=2)) is None


def test_a_date_that_did_not_move_for_the_customer_is_dropped():
    day = date(2026, 12, 1)
    assert drop_reason(standing(Cause.date_changed, old_date=day, new_date=day)) is DropReason.unchanged
    assert drop_reason(standing(Cause.date_changed, old_date=day, new_date=None)) is None


def test_each_reason_has_words():
    assert len({in_words([reason]) for reason in DropReason}) == len(DropReason)


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (250, Ending.sent),
        (251, Ending.sent),
        (421, Ending.transient),
        (450, Ending.transient),
        (354, Ending.transient),
        (550, Ending.permanent),
        (552, Ending.permanent),
        (600, Ending.transient),
        (-1, Ending.transient),
    ],
)
def test_what_a_reply_means(code, ending):
    assert of_reply(code) is ending


def test_each_wait_is_twice_the_last_up_to_a_day():
    minute = timedelta(minutes=1)
    assert [back_off(attempts, minute) for attempts in (1, 2, 3, 4)] == [minute, 2 * minute, 4 * minute, 8 * minute]
    assert back_off(99, minute) == timedelta(days=1)


def test_a_message_is_given_up_at_the_last_attempt():
    assert [is_given_up(attempts, 3) for attempts in (1, 2, 3, 4)] == [False, False, True, True]


ALLOWED = {
    "send": {"pending"},
    "edit": {"pending"},
    "retry": {"failed", "skipped", "uncertain", "cancelled"},
    "mark_as_sent": {"uncertain"},
    "cancel": {"pending", "failed", "skipped", "uncertain"},
    "supersede": {"pending"},
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
