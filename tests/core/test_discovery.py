"""Finding modules and putting them in order."""

from importlib.metadata import EntryPoint

import pytest

from erp import discovery
from erp.errors import DependencyCycle, MissingDependency, ModuleError
from tests.core.small import make_module

MANIFEST = """
from erp.manifest import Module

def setup(core):
    pass

MODULE = Module(name={name!r}, title="Found", version="1.0", setup=setup, depends={depends!r})
"""


def write_module(folder, name, *depends, text=MANIFEST):
    place = folder / name
    place.mkdir(parents=True)
    (place / "module.py").write_text(text.format(name=name, depends=depends))
    return place


def by_name(*modules):
    return {module.name: module for module in modules}


def names(*modules):
    return [module.name for module in discovery.in_order(by_name(*modules))]


def test_the_modules_that_ship_are_found_and_ordered():
    found = discovery.find()
    order = [module.name for module in discovery.in_order(found.manifests)]
    assert order == ["api", "inventory_lots", "procurement", "sales", "preorder", "returns", "backorder_email"]
    assert found.shipped == set(order)


def test_order_is_dependencies_first_then_by_name():
    found = [make_module("a", "c"), make_module("b"), make_module("c", "d"), make_module("d")]
    assert names(*found) == ["b", "d", "c", "a"]


def test_a_missing_dependency_is_refused_by_name():
    with pytest.raises(MissingDependency, match="Module a needs b, d, not found here"):
        names(make_module("a", "d", "b", "c"), make_module("c"))


def test_a_cycle_is_spelled_out():
    with pytest.raises(DependencyCycle, match=r"(a -> b -> a|b -> a -> b)"):
        names(make_module("a", "b"), make_module("b", "a"), make_module("c"))


def test_a_folder_adds_modules(tmp_path):
    write_module(tmp_path, "found_in_a_folder", "sales")
    (tmp_path / "no_module").mkdir()
    found = discovery.find(folders=[tmp_path])
    assert found.manifests["found_in_a_folder"].depends == ("sales",)
    assert "found_in_a_folder" not in found.shipped
    assert "no_module" not in found.manifests


def test_modules_of_one_folder_import_each_other_like_shipped_ones(tmp_path):
    place = write_module(tmp_path, "found_with_rules")
    (place / "domain.py").write_text("ANSWER = 42\n")
    (place / "module.py").write_text(
        "from modules.found_with_rules.domain import ANSWER\n" + (place / "module.py").read_text()
    )
    assert discovery.find(folders=[tmp_path]).broken == {}


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ModuleError, match=r"none of option erp.module_path does not exist"):
        discovery.find(folders=[tmp_path / "none"])


def test_a_module_with_the_name_of_another_is_broken_by_its_place(tmp_path):
    place = str(write_module(tmp_path, "sales"))
    found = discovery.find(folders=[tmp_path])
    assert found.broken == {place: f"Two modules are called sales: modules.sales and {place}."}
    assert "sales" in found.manifests


def test_a_module_that_calls_itself_otherwise_is_broken(tmp_path):
    write_module(tmp_path, "found_misnamed").joinpath("module.py").write_text(MANIFEST.format(name="other", depends=()))
    assert "calls itself other" in discovery.find(folders=[tmp_path]).broken["found_misnamed"]


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("broken_import", "import no_such_library\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("broken_syntax", "MODULE = (\n", "SyntaxError"),
        ("broken_manifest", "MODULE = 42\n", "MODULE is a int, not a Module."),
        ("broken_empty", "", "AttributeError"),
        ("broken_exit", "raise Exception('not today')\n", "Exception: not today"),
    ],
)
def test_a_third_party_module_that_cannot_be_imported_is_broken_and_the_others_are_found(tmp_path, name, text, error):
    write_module(tmp_path, name, text=text)
    found = discovery.find(folders=[tmp_path])
    assert found.broken[name].startswith(error)
    assert set(found.manifests) == found.shipped


def test_installed_packages_add_modules(monkeypatch):
    entry = EntryPoint("acme", "tests.core.test_discovery:ACME", "erp.modules")
    monkeypatch.setattr(discovery, "entry_points", lambda group: [entry])
    assert discovery.find().manifests["acme"] is ACME


def test_a_package_without_its_code_is_broken(monkeypatch):
    entry = EntryPoint("acme", "tests.core.no_such_file:MODULE", "erp.modules")
    monkeypatch.setattr(discovery, "entry_points", lambda group: [entry])
    assert "ModuleNotFoundError" in discovery.find().broken["acme"]


ACME = make_module("acme", "sales")


def found_of(*third_party):
    return discovery.Found(by_name(make_module("house"), *third_party), {}, {}, {"house"})


def test_a_third_party_module_without_what_it_needs_is_broken_and_so_are_those_that_need_it():
    found = found_of(make_module("a", "gone"), make_module("b", "a"), make_module("c", "house"))
    assert set(discovery.usable(found)) == {"house", "c"}
    assert found.broken == {
        "a": "Module a needs gone, not found here.",
        "b": "Module b needs a, not found here.",
    }


def test_third_party_modules_that_need_each_other_are_broken():
    found = found_of(make_module("a", "b"), make_module("b", "a"), make_module("c"))
    assert set(discovery.usable(found)) == {"house", "c"}
    assert "need each other" in found.broken["a"]


def test_a_shipped_module_without_what_it_needs_stops_the_start():
    with pytest.raises(MissingDependency):
        discovery.usable(discovery.Found(by_name(make_module("house", "gone")), {}, {}, {"house"}))
