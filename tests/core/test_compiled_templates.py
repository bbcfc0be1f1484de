"""What Jinja makes of a template is kept in the instance: pages after a start need not wait for it again."""

import jinja2
import pytest
from flask import render_template

from erp.app import create_app


@pytest.fixture
def compiled(monkeypatch):
    """The names of the templates that are compiled from now on."""
    names = []
    compile_ = jinja2.Environment.compile

    def noted(self, source, name=None, *args, **kwargs):
        names.append(name)
        return compile_(self, source, name, *args, **kwargs)

    monkeypatch.setattr(jinja2.Environment, "compile", noted)
    return names


def started(instance):
    return create_app(environment={"ERP_INSTANCE": str(instance)}, testing=True)


def shown(app, name="erp/dated_parts.html"):
    with app.test_request_context("/"):
        return render_template(name, parts=[])


def test_a_template_is_compiled_by_the_first_start_alone(tmp_path, compiled):
    first = shown(started(tmp_path))
    assert compiled == ["erp/dated_parts.html"]
    assert shown(started(tmp_path)) == first
    assert compiled == ["erp/dated_parts.html"]


def test_a_template_that_changed_is_compiled_again(tmp_path, compiled):
    folder = tmp_path / "templates"
    folder.mkdir()
    for text in ("Sign in", "Sign in, please"):
        (folder / "page.html").write_text(f"<p>{text}</p>")
        app = started(tmp_path)
        app.jinja_loader = jinja2.FileSystemLoader(folder)
        assert shown(app, "page.html") == f"<p>{text}</p>"
    assert compiled == ["page.html", "page.html"]


def test_what_another_jinja_compiled_is_not_used(tmp_path, compiled, monkeypatch):
    shown(started(tmp_path))
    monkeypatch.setattr(jinja2, "__version__", "99")
    shown(started(tmp_path))
    assert compiled == ["erp/dated_parts.html"] * 2


def test_a_damaged_file_is_compiled_again(tmp_path, compiled):
    first = shown(started(tmp_path))
    for path in (tmp_path / "compiled_templates").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert shown(started(tmp_path)) == first
    assert compiled == ["erp/dated_parts.html"] * 2


def test_a_page_is_shown_where_nothing_can_be_kept(tmp_path, caplog):
    app = started(tmp_path)
    (tmp_path / "compiled_templates").write_text("a file is in the way of the folder")
    shown(app)
    assert "could not be kept" in caplog.text


def test_only_the_owner_may_read_and_write_what_was_compiled(tmp_path):
    shown(started(tmp_path))
    assert (tmp_path / "compiled_templates").stat().st_mode & 0o777 == 0o700
