"""What the documents refer to exists: files, headings and other documents."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "bench/README.md", *ROOT.glob("modules/*/*.md")]
)
PATH = re.compile(r"`((?:erp|modules|tests|docs|bench|config)/[\w./-]*)`")
REFERENCE = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


def name(path):
    return str(path.relative_to(ROOT))


def anchors(path):
    """Return what a reference may name in a document: its headings in lower case, with dashes for spaces."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_every_path_that_the_architecture_names_exists():
    paths = PATH.findall((ROOT / "docs/architecture.md").read_text(encoding="utf-8"))
    assert len(paths) > 50
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_what_a_document_refers_to_exists(document):
    for file, heading in REFERENCE.findall(document.read_text(encoding="utf-8")):
        if "://" not in file:
            target = (document.parent / file).resolve() if file else document
            assert target.exists(), file
            assert not heading or heading in anchors(target), heading


def test_the_readme_points_to_every_document():
    named = {file for file, _ in REFERENCE.findall((ROOT / "README.md").read_text(encoding="utf-8"))}
    assert {name(path) for path in ROOT.glob("docs/*.md")} - named == set()


def test_every_picture_of_the_guide_is_shown_and_small():
    guide = (ROOT / "docs/clerk.md").read_text(encoding="utf-8")
    pictures = sorted((ROOT / "docs/pictures").glob("*"))
    assert [name(path) for path in pictures if f"(pictures/{path.name})" not in guide] == []
    assert [name(path) for path in pictures if path.stat().st_size > 120_000] == []
