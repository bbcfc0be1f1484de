"""Work queues: each row has its next step, and each list can be ticked, sorted, filtered and exported."""

from __future__ import annotations

import pytest

from erp.admin import Screen
from erp.admin.settings import QUEUES
from erp.admin.site import current_site
from erp.registry import current_registry

# What comes back is looked at piece by piece, on the page of its return.
ONE_BY_ONE = {"returns.return"}


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_each_work_queue_can_be_ticked_sorted_filtered_and_exported(app, sign_in):
    browser, registry = sign_in("Administrator"), current_registry()
    queues = [*registry.live(registry.work_queues.values()), *QUEUES]
    assert len(queues) >= 9
    for queue in queues:
        view = current_site().view(queue.view)
        with app.test_request_context():
            address = view.url_of_queue(queue)
        assert browser.get(address).status_code == 200, queue.title
        lacks = {
            "a next step": type(view).next_of is Screen.next_of
            and not any(getattr(each, "of_one", "") for each in view.all_list_actions()),
            "actions for what is ticked": queue.view not in ONE_BY_ONE and not view.all_list_actions(),
            "a column to sort by": not view._sortable_columns,
            "filters": not view._filters,
            "an export": not view.can_export,
        }
        assert [name for name, is_missing in lacks.items() if is_missing] == [], queue.title
