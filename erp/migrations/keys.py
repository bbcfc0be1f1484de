"""Keys of identifiers that are in the database already: for the revision that gives their table a key column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, column, select, table, update

from erp.errors import ErpError
from erp.identity import identity_key
from erp.text import say


class EqualKeys(ErpError):
    """Identifiers in the database that were different and are now compared as equal."""

    def __init__(self, groups: Iterable[Iterable[str]], what: str) -> None:
        equal = [" = ".join(map(repr, group)) for group in groups]
        listed = "; ".join(equal)
        super().__init__(
            say(
                "These texts of {what} differ only in case, spaces or composition and are now equal: {listed}. Nothing"
                " has been changed. Rename them with the version that you had, then upgrade again.",
                what=what,
                listed=listed,
            ),
            equal=equal,
        )


def existing_keys(connection: Connection, name: str, source: str, *, within: Sequence[str] = ()) -> dict[int, str]:
    """Return the key of each row of table `name` by its id; a row whose text is null is left out.

    Call it before the revision changes anything: it raises EqualKeys with all texts that were different and would be
    equal. `within` names the columns in which they may be equal, such as the product of a lot.
    """
    names: list[Any] = ["id", source, *within]
    rows: Select[*tuple[Any, ...]] = select(*map(column, names)).select_from(table(name)).order_by(column("id"))
    keys: dict[int, str] = {}
    texts: dict[tuple[Any, ...], list[str]] = {}
    for id_, text, *place in connection.execute(rows):
        if text is not None:
            keys[id_] = identity_key(text)
            texts.setdefault((*place, keys[id_]), []).append(text)
    if equal := [group for group in texts.values() if len(group) > 1]:
        raise EqualKeys(equal, f"{name}.{source}")
    return keys


def write_keys(connection: Connection, name: str, key: str, keys: Mapping[int, str]) -> None:
    """Write keys by id into the new column `key` of table `name`."""
    rows = [{"row": id_, "value": value} for id_, value in keys.items()]
    if rows:
        changed = update(table(name, column("id"), column(key))).where(column("id") == bindparam("row"))
        connection.execute(changed.values({key: bindparam("value")}), rows)
