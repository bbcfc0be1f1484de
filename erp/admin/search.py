"""The search over all documents, pages and actions, as the palette on every page asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue

from erp.admin.access import screen_session
from erp.registry import current_registry
from erp.search import EXACT, SIMILAR, SearchSource, Sought, spellings, stored_words, typed_words
from erp.text import named, say, shown, translated

LIMIT = 10
OF_EACH = 5


@dataclass(frozen=True)
class Result:
    """A line of the palette: what it is called, a few words about it, what kind of thing it is, and where it leads."""

    text: str
    note: str
    kind: str
    url: str
    rank: int


def search() -> ResponseReturnValue:
    """Answer what was typed, `q`, with at most ten results as JSON, the best first.

    Where nothing is found, typing errors are forgiven. Nothing typed gives the pages and actions to begin with.
    """
    sought = Sought(request.args.get("q", "").replace("\x00", "").strip())
    results = _results(sought)
    if not results and sought.text:
        results = _results(sought.forgiving())
    return {"results": [asdict(result) for result in results]}


def _results(sought: Sought) -> list[Result]:
    groups = [[*_actions(sought)][:OF_EACH], [*_pages(sought)][:OF_EACH]]
    if sought.text:
        groups += [_rows(source, sought) for source in current_registry().live(current_registry().searches)]
    # What is meant exactly comes first; of the others the best of each group, so that no group hides another.
    exact = [result for group in groups for result in group if result.rank == EXACT]
    others = ([result for result in group if result.rank != EXACT] for group in groups)
    mixed = (result for turn in zip_longest(*others) for result in turn if result is not None)
    chosen = [*exact, *mixed][:LIMIT]
    together = [[result for result in group if result in chosen] for group in groups]
    return list(chain.from_iterable(sorted(filter(None, together), key=lambda group: min(each.rank for each in group))))


def _site() -> Any:
    return current_app.extensions["erp_site"]


def _rows(source: SearchSource, sought: Sought) -> list[Result]:
    view = _site().view(source.name)
    if view is None or not view.is_accessible():
        return []
    find = partial(source.find, screen_session(), sought, OF_EACH)
    found = current_registry().contained(source, f"search of {source.name}", lambda: list(find()), lambda _: [])
    address = f"{view.endpoint}.details_view"
    return [
        Result(each.text, shown(each.note), translated(source.title), view.get_url(address, id=each.id), each.rank)
        for each in found
    ]


def _views() -> Iterator[Any]:
    return chain.from_iterable(views for _, views in _site().entries())


def _pages(sought: Sought) -> Iterator[Result]:
    for view in _views():
        title = translated(view.title)
        if _has_words(title, sought):
            url = view.get_url(f"{view.endpoint}.{view._default_view}")
            yield Result(title, translated(view.category or ""), translated("Page"), url, _rank(sought))


def _actions(sought: Sought) -> Iterator[Result]:
    for view in _views():
        if not getattr(view, "may_create", lambda: False)():
            continue
        label = translated(say("New {noun}", noun=named(view.noun)))
        if _has_words(label, sought):
            url = view.get_url(f"{view.endpoint}.create_view")
            yield Result(label, translated(view.category or ""), translated("Action"), url, _rank(sought))


def _rank(sought: Sought) -> int:
    return SIMILAR if sought.is_forgiving else EXACT + 1


def _has_words(label: str, sought: Sought) -> bool:
    """Say whether a label has each word that was typed, or one that begins with it."""
    begun = {word[:size] for word in stored_words([label]) for size in range(1, len(word) + 1)}
    typed = typed_words(sought.text)
    return all(not begun.isdisjoint(spellings(word) if sought.is_forgiving else [word]) for word in typed)


def add_search(app: Flask) -> None:
    """Add the address of the search."""
    app.add_url_rule("/search/", "search", search, methods=("GET",))
