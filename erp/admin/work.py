"""Work: the queues that a user works on, one beside the other, with their sizes; the page that opens at sign-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from erp.admin.access import permitted
from erp.admin.dashboard_parts import WorkQueue
from erp.admin.kept_selects import read_kept_select
from erp.admin.page import Page
from erp.admin.quick_filters import QuickCount, counted
from erp.admin.settings import QUEUES
from erp.registry import current_registry

Shown = tuple[WorkQueue, Any]


class WorkPage(Page):
    """Leads to the first queue of the user in which something waits; who has no queue of their own only looks on."""

    view_name = "erp.work"
    title = "Work"
    url = "/work"
    icon = "fa-check-square-o"

    def is_visible(self) -> bool:
        """Show the menu entry to those who have something to work on."""
        return super().is_visible() and bool(own_queues())

    @expose("/")
    def index(self) -> ResponseReturnValue:
        """Open the first queue that is not empty; say so where all are."""
        if not own_queues():
            return redirect(url_for("admin.index"))
        sizes = queue_sizes(self.admin)
        waiting = next((size for size in sizes if size.count or size.is_least), None)
        return redirect(waiting.url) if waiting else self.render("erp/work.html", work=sizes)


def own_queues() -> list[WorkQueue]:
    """Return the queues of live modules that the user has the right to work on."""
    return permitted(_live_queues())


def _live_queues() -> list[WorkQueue]:
    registry = current_registry()
    return [*registry.live(registry.work_queues.values()), *QUEUES]


def queue_sizes(site: Any, *, with_others: bool = False) -> list[QuickCount]:
    """Return the queues of the user with their sizes, counted in one statement and within bounds.

    With `with_others`, who works on none sees the sizes of all.
    """
    queues = own_queues() or (_live_queues() if with_others else [])
    offered = [(queue, site.view(queue.view)) for queue in queues]
    shown = [(queue, view) for queue, view in offered if view is not None and view.is_accessible()]
    own = [(queue, view) for queue, view in shown if not current_registry().foreign_owner(queue)]
    foreign = [pair for pair in shown if pair not in own]
    return [*_sizes(own), *(size for pair in foreign for size in _size(*pair))]


def _sizes(queues: Sequence[Shown]) -> list[QuickCount]:
    if not queues:
        return []
    key = tuple((queue.view, queue.argument, queue.value) for queue, _ in queues)
    (sizes,) = read_kept_select(key, lambda: select(*chain(*(view.queue_size(queue) for queue, view in queues))))
    return [
        replace(counted(queue.title, view.url_of_queue(queue), sizes[2 * at], sizes[2 * at + 1]), is_on=_is_open(queue))
        for at, (queue, view) in enumerate(queues)
    ]


def _size(queue: WorkQueue, view: Any) -> list[QuickCount]:
    """Return the size of a third party's queue, none where it cannot be counted."""
    found = current_registry().contained
    return found(queue, f"work queue {queue.title}", lambda: _sizes([(queue, view)]), lambda _: [])


def work_of(screen: Any) -> list[QuickCount]:
    """Return the user's queues for a list that is one of them, with the filter that makes it one; else nothing."""
    if any(queue.view == screen.view_name and _is_filtered(queue) for queue in own_queues()):
        return queue_sizes(screen.admin)
    return []


def _is_open(queue: WorkQueue) -> bool:
    """Say whether the list that is shown is this queue."""
    screen = request.endpoint or ""
    return screen == f"{queue.view.replace('.', '_')}.index_view" and _is_filtered(queue)


def _is_filtered(queue: WorkQueue) -> bool:
    """Say whether the address filters a list as the queue does."""
    asked = ((name.partition("_")[2], value) for name, value in request.args.items() if name.startswith("flt"))
    return not queue.argument or (queue.argument, queue.value) in asked
