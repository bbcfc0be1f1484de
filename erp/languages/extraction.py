"""Collects the texts of the core and of each module into catalogues of messages: `make translations`.

In Python these are what `say`, `named` and `plural` are given, the words of states, and, in the files that declare or
refuse something, each text that begins with a capital letter. In templates `erp/languages/templates.py` finds them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

from erp.languages.scripts import texts_in
from erp.languages.templates import MessagesInTemplates

Key = str | tuple[str, str]
# Files whose texts are for screens, wherever they stand.
DECLARING = re.compile(
    r"(^|/)(admin/.*|settings/.*|errors/.*|errors|module|core|hooks|forms|security|second_factor|provider|throttling|watch/.*|troubles|saved_views"
    r"|identity|addresses|numbers|contacts|error_pages|planning/.*|queries/.*|services/.*|domain/.*|domain|lifecycle|plans|coverage|trial|rebalancing|parsers|types|exchange/.*|exchange|states|work_lists)\.py$"
)
_TEXT = re.compile(r"(A|[A-Z][a-z'-]+[A-Z]*|[A-Z]{2,})([\s,.:;?!(…/-].*)?", re.DOTALL)
_LOWER_TOO = frozenset(("noun", "plural", "label", "quantity_label", "text", "note", "yes", "no", "reason"))
_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_SAYING = frozenset(("say", "named", "verb", "capital", "without_stop"))
_LEFT_OUT = frozenset(("Markup", "getLogger", "TypeError", "RuntimeError", "CheckConstraint", "Literal", "get")) | {
    *("warning", "info", "text", "execute", "startswith", "normalize", "ZoneInfo", "literal_column")
}


# The words of the trade, the same in every catalogue of a language.
HEADERS = {
    "de": """\
# German. Users are addressed with Sie. The words of the trade:
# sales order = Kundenauftrag (Auftrag), purchase order = Bestellung, line = Position, draft = Entwurf,
# backorder = Rückstand, preorder = Vorbestellung, allocation = Zuteilung, purchase allocation = Bestellzuteilung,
# promise = Zusage, promise date = Zusagedatum, expected date = erwartetes Datum, requested date = Wunschtermin,
# order of service = Bedienreihenfolge, queue = Warteschlange, run = Lauf, held = zurückgehalten,
# demand = Bedarf, supply and arrival = Zugang, coverage = Deckung, rebalance = Umverteilung, launch = Einführung,
# pack = Lieferung, to pack = packen, packing slip = Lieferschein, pick list = Pickliste, reversal = Storno,
# receipt = Wareneingang, close short = Rest schließen, outstanding = ausstehend, overdue = überfällig,
# product = Artikel, lot = Charge, on hold = gesperrt, warehouse = Lager, location = Lagerplatz, stock = Bestand,
# stock move = Lagerbewegung, transfer = umlagern, adjust = korrigieren, tracking = Rückverfolgung, document = Beleg,
# usable = verwendbar, stock that may not leave = nicht verwendbarer Bestand, held for a quote = reserviert,
# broken promise = nicht gehaltene Zusage, failed = fehlgeschlagen.
# Values that files and options have, such as yes, skip and days, stay as they are."""
}

# What history says was done, and to which field, is shown as words.
_RECORDING = frozenset(("record", "record_document", "record_all", "Change", "_record", "_note"))
_IDENTIFIER = re.compile(r"[a-z][a-z_ ]+")


def words(name: str) -> str:
    """Return an identifier as words, as a page shows it."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


class Texts:
    """The texts of one folder, with the places in which they stand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[Key, set[str]] = {}

    def add(self, text: Key, place: Path | None = None) -> None:
        """Note a text."""
        if text and any(map(str.isalpha, "".join(text))):
            places = self.found.setdefault(text, set())
            if place is not None:
                places.add(place.relative_to(self.folder).as_posix())

    def read(self, files: Iterable[Path]) -> None:
        """Collect the texts of Python files and templates."""
        for path in sorted(files):
            if path.suffix == ".js":
                for said in texts_in(path.read_text(encoding="utf-8")):
                    self.add(said, path)
            elif path.suffix == ".html":
                for text in texts_of_template(path.read_text(encoding="utf-8")):
                    self.add(text, path)
            else:
                is_declaring = DECLARING.search(path.relative_to(self.folder).as_posix())
                for found in _Python(path.read_text(encoding="utf-8"), bool(is_declaring)):
                    self.add(found, path)


def texts_of_template(source: str) -> list[Key]:
    """Return the texts of a template."""
    tree = Environment(extensions=[MessagesInTemplates], autoescape=True).parse(source)
    found: list[Key] = []
    for call in tree.find_all(nodes.Call):
        name = getattr(call.node, "name", "")
        if name in ("_", "verb"):
            found += _constants(call.args[0])
        elif name == "badge":
            found += map(words, _constants(call.args[0]))
        elif name == "plural":
            found.append(_plural("{number:,}", *(text for each in call.args[1:] for text in _constants(each))))
    shown = (each.node for each in tree.find_all(nodes.Filter) if each.name == "badge" and each.node is not None)
    return found + [words(text) for each in shown for text in _constants(each)]


def _plural(number: str, one: str, many: str = "") -> Key:
    return f"{number} {one}", f"{number} {many or f'{one}s'}"


def _constants(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2 is not None:
            yield from _constants(node.expr2)


def _is_string(node: ast.AST) -> TypeGuard[Any]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _texts_of(call: ast.Call) -> Iterator[Any]:
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg != "why")]
    for each in given:
        parts = [each.body, each.orelse] if isinstance(each, ast.IfExp) else [each]
        yield from (part for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


class _Python:
    """The texts of a Python file."""

    def __init__(self, source: str, is_declaring: bool) -> None:
        self.tree = ast.parse(source)
        self.is_declaring = is_declaring
        self.found: list[Key] = []

    def __iter__(self) -> Iterator[Key]:
        self._visit(self.tree)
        return iter(self.found)

    def _visit(self, node: ast.AST, is_text: bool = False) -> None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if is_text or (self.is_declaring and _TEXT.fullmatch(node.value)):
                self.found.append(node.value)
        elif isinstance(node, ast.Call):
            self._visit_call(node)
        elif isinstance(node, ast.ClassDef):
            self._visit_class(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if "history_fields" in names:
                self.found += [words(each.value) for each in ast.walk(node.value) if _is_string(each)]
            elif "__all__" not in names:
                self._visit(node.value, self.is_declaring and bool(names & _LOWER_TOO))
        elif isinstance(node, ast.Subscript):
            self._visit(node.value)
        elif not isinstance(node, ast.JoinedStr) and not _is_docstring(node):
            for child in ast.iter_child_nodes(node):
                self._visit(child, is_text and isinstance(node, ast.IfExp | ast.BoolOp | ast.Tuple))

    def _visit_call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _LEFT_OUT:
            return
        if name in _RECORDING:
            self.found += [words(each.value) for each in _texts_of(node) if _IDENTIFIER.fullmatch(each.value)]
        if name == "Chart":
            pairs = (each for each in ast.walk(node) if isinstance(each, ast.Tuple) and len(each.elts) == 2)
            self.found += [words(pair.elts[0].value) for pair in pairs if _is_string(pair.elts[0])]
        if name in ("Badge", "badge"):
            self.found += [words(each.value) for each in node.args[:1] if _is_string(each)]
        if name in ("plural", "plural_quantity"):
            self._plural(node, "{quantity}" if name == "plural_quantity" else "{number:,}")
        self._visit(node.func)
        for argument in node.args:
            self._visit(argument, name in _SAYING)
        for keyword in node.keywords:
            self._visit(keyword.value, self.is_declaring and keyword.arg in _LOWER_TOO)

    def _plural(self, node: ast.Call, number: str) -> None:
        given = [str(each.value) for each in node.args[1:] if isinstance(each, ast.Constant)]
        if given:
            self.found.append(_plural(number, *given))

    def _visit_class(self, node: ast.ClassDef) -> None:
        bases = {getattr(base, "id", getattr(base, "attr", "")) for base in node.bases}
        for child in node.body:
            if isinstance(child, ast.Assign) and bases & {"Enum", "StrEnum"} and isinstance(child.value, ast.Constant):
                self.found.append(words(str(child.value.value)))
            else:
                self._visit(child)


def update(template: Texts, language: str, known: Iterable[Key]) -> Catalog:
    """Return the catalogue of a folder in a language, with new texts untranslated and without those that are gone."""
    path = template.folder / "translations" / language / "LC_MESSAGES" / "messages.po"
    catalogue = Catalog(locale=language, fuzzy=False)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=language)
    wanted, others = template.found, set(known)
    gone = [each.id for each in catalogue if each.id and (each.id not in wanted or each.id in others)]
    for key in gone:
        catalogue.delete(key)
    for key, places in sorted(wanted.items(), key=lambda item: (min(item[1], default=""), str(item[0]))):
        if key not in others:
            translation = catalogue[key].string if key in catalogue else ""
            catalogue.delete(key)
            catalogue.add(key, translation, locations=[(place, 0) for place in sorted(places)])
    catalogue.obsolete.clear()
    # The time of a run would change each file each time.
    catalogue.creation_date = catalogue.revision_date = _NO_TIME
    catalogue.header_comment = "# The words of the trade are in the core's catalogue." if others else HEADERS[language]
    return catalogue


def write(catalogue: Catalog, folder: Path, language: str) -> None:
    """Write a catalogue as a text file and as the file that is read while the program runs."""
    home = folder / "translations" / language / "LC_MESSAGES"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "messages.po").open("wb") as file:
        write_po(file, catalogue, width=120, omit_header=False, include_lineno=False)
    with (home / "messages.mo").open("wb") as file:
        write_mo(file, catalogue)
