"""What the reply of a mail server means, and how long to wait for the next attempt."""

from datetime import timedelta

import pytest

from erp.deliveries import Ending, back_off, is_last_attempt
from modules.backorder_email.domain.delivery import of_reply


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


def test_a_message_is_not_tried_again_after_the_last_attempt():
    assert [is_last_attempt(attempts, 3) for attempts in (1, 2, 3, 4)] == [False, False, True, True]
