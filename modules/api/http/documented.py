"""The operations with their schemas, and the OpenAPI document. This file and `schemas` alone need flask-smorest."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

from flask import Flask, Response
from flask_smorest import Api, Blueprint

from erp.api import Change, Create, File, Report, Resource, Task
from erp.registry import current_registry
from modules.api.http import schemas
from modules.api.http.plans import LONGEST_PLAN, effects
from modules.api.http.problems import CONTENT_TYPE
from modules.api.http.reading import (
    LARGEST_PAGE,
    PAGE,
    list_rows,
    require,
    response_of,
    show_file,
    show_report,
    show_row,
)
from modules.api.http.representation import Shape
from modules.api.http.rows import view_of
from modules.api.http.writing import (
    KEY,
    LONGEST_KEY,
    MOST_ROWS,
    PLAN_TYPE,
    change,
    change_many,
    create,
    create_many,
    do_task,
)

VERSION = "1.0.0"
ID = "<int(min=1, max=9223372036854775807):id>"
DESCRIPTION = (
    "Every request sends `Authorization: Bearer TOKEN`. Quantities and amounts are decimal numbers in text, days are"
    " ISO dates, instants have their zone. docs/api.md has a first hour and the rules."
)


class Documented(Api):
    """Flask-smorest without its error handler: what is refused is answered in one place for all of the interface."""

    ERROR_SCHEMA = schemas.ProblemSchema

    def _register_error_handlers(self) -> None:
        """Add no handler."""

    def _register_responses(self) -> None:
        """Document every refusal as problem details."""
        self.DEFAULT_RESPONSE_CONTENT_TYPE = CONTENT_TYPE
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE


def operations(app: Flask, url: str) -> Flask:
    """Return an application whose addresses and views are the operations of the modules that are on.

    It answers nothing itself: its rules and views are used within a request of `app`.
    """
    holder = Flask("erp.api", static_folder=None)
    holder.url_map.strict_slashes = False
    holder.config.update(API_TITLE="Modular ERP", API_VERSION=VERSION, OPENAPI_VERSION="3.1.0")
    bearer = {"type": "http", "scheme": "bearer"}
    api = Documented(
        holder,
        spec_kwargs={"security": [{"token": []}], "info": {"description": DESCRIPTION}},
    )
    api.spec.components.security_scheme("token", bearer)
    registry = current_registry()
    plan = schemas.plan_schema(effects())
    for resource in registry.live(registry.resources.values()):
        api.register_blueprint(_blueprint(resource, plan), url_prefix=f"{url}/{resource.name}")
    text = json.dumps(api.spec.to_dict(), indent=1, sort_keys=True)
    holder.add_url_rule(f"{url}/openapi.json", "document", partial(response_of, text, 200))
    holder.extensions["erp_document"] = text
    return holder


def _blueprint(resource: Resource | Report | Task, plan: Any) -> Blueprint:
    if isinstance(resource, Report):
        return _report(resource)
    if isinstance(resource, Task):
        return _task(resource, plan)
    shape = Shape(resource, view_of(resource))
    blueprint = Blueprint(resource.name.replace("-", "_"), __name__, description=resource.title)
    row = schemas.row_schema(shape)
    _add_reads(blueprint, shape, row)
    for write in shape.writes:
        if isinstance(write, Create):
            _add_create(blueprint, shape, write, (row, plan))
        else:
            _add_change(blueprint, shape, write, (row, plan))
    return blueprint


def _report(report: Report) -> Blueprint:
    blueprint = Blueprint(report.name.replace("-", "_"), __name__, description=report.title)
    made = blueprint.response(200, schemas.report_schema(report), description=report.title)
    view = made(_named(lambda values: show_report(report, values), f"{report.title}."))
    asked = blueprint.arguments(schemas.query_schema(report), location="query")(view)
    _add(blueprint, "GET", "", asked, (report.permission,), operationId=_id("list", report.name))
    return blueprint


def _task(task: Task, plan: Any) -> Blueprint:
    blueprint = Blueprint(task.name.replace("-", "_"), __name__, description=task.title)
    made = blueprint.response(200, schemas.task_schema(task), description=task.title)
    view = _planned(blueprint, plan)(made(_named(lambda values: do_task(task, values), f"{task.title}.")))
    taken = schemas.input_schema(schemas.name_of(task.name), task.inputs)
    asked = blueprint.arguments(taken, required=any(each.is_required for each in task.inputs))(view)
    _add(blueprint, "POST", "", asked, (task.permission,), operationId=_id(task.name), parameters=_write_parameters())
    return blueprint


def _add_reads(blueprint: Blueprint, shape: Shape, row: Any) -> None:
    name, noun = shape.resource.name, shape.resource.noun
    page = blueprint.response(200, schemas.page_schema(shape, row), description="A part of the list")
    read = page(_named(lambda: list_rows(shape), f"List {shape.resource.title.lower()} in the order of their ids."))
    rights = (shape.view.permission,)
    _add(blueprint, "GET", "", read, rights, operationId=_id("list", name), parameters=_list_parameters(shape))
    one = blueprint.response(200, row, description=f"The {noun}", headers={"ETag": {"schema": {"type": "string"}}})
    read = one(_named(lambda id: show_row(shape, id), f"Show one {noun}."))
    _add(blueprint, "GET", f"/{ID}", read, rights, operationId=_id("get", noun))
    if shape.resource.file is not None:
        _add_file(blueprint, shape, shape.resource.file)


def _add_file(blueprint: Blueprint, shape: Shape, file: File) -> None:
    made = blueprint.response(200, {"type": "string"}, content_type=file.media_type, description=file.title)
    view = made(_named(lambda id: show_file(shape, file, id), f"{file.title}."))
    about = {"operationId": _id("get-file-of", shape.resource.noun)}
    _add(blueprint, "GET", f"/{ID}/file", view, (shape.view.permission,), **about)


def _add_create(blueprint: Blueprint, shape: Shape, write: Create, answers: tuple[Any, Any]) -> None:
    noun = shape.resource.noun
    taken = schemas.input_schema(schemas.name_of("new", noun), write.inputs)

    def view(values: Any) -> Response:
        return create(shape, write, values)

    made = blueprint.response(201, answers[0], description=f"The new {noun}")(_named(view, f"{write.title}."))
    made = _planned(blueprint, answers[1])(made)
    body = blueprint.arguments(taken, required=any(each.is_required for each in write.inputs))(made)
    rights = (shape.view.permission, write.permission)
    _add(blueprint, "POST", "", body, rights, operationId=_id("create", noun), parameters=_write_parameters())
    if write.run_many is not None:
        _add_create_of_many(blueprint, shape, write, taken, answers[1])


def _add_create_of_many(blueprint: Blueprint, shape: Shape, write: Create, one: Any, plan: Any) -> None:
    name = shape.resource.name
    taken = schemas.many_schema(schemas.name_of("new", name), one, MOST_ROWS)
    summary = f"{write.title}: many {shape.resource.title.lower()} at once, each as far as it can be."
    made = blueprint.response(200, schemas.OutcomesSchema, description="What became of each")
    view = made(_named(lambda values: create_many(shape, write, values), summary))
    body = blueprint.arguments(taken)(_planned(blueprint, plan)(view))
    rights = (shape.view.permission, write.permission)
    about = {"operationId": _id("create", name), "parameters": _write_parameters()}
    _add(blueprint, "POST", "/create", body, rights, **about)


def _add_change(blueprint: Blueprint, shape: Shape, write: Change, answers: tuple[Any, Any]) -> None:
    noun, name = shape.resource.noun, schemas.name_of(write.name, shape.resource.noun)

    def view(values: Any, id: int) -> Response:
        return change(shape, write, id, values)

    made = blueprint.response(200, answers[0], description=f"The {noun} as it is then")(_named(view, f"{write.title}."))
    made = _planned(blueprint, answers[1])(made)
    required = any(each.is_required for each in write.inputs)
    body = blueprint.arguments(schemas.input_schema(name, write.inputs), required=required)(made)
    rights = (shape.view.permission, write.permission)
    about = {"operationId": _id(write.name, noun), "parameters": _write_parameters(of_row=True)}
    _add(blueprint, "POST", f"/{ID}/{write.name}", body, rights, **about)
    if write.run_many is not None:
        _add_change_of_many(blueprint, shape, write, answers[1])


def _add_change_of_many(blueprint: Blueprint, shape: Shape, write: Change, plan: Any) -> None:
    title, name = shape.resource.title.lower(), schemas.name_of(write.name, shape.resource.name)
    taken = schemas.input_schema(name, write.inputs, with_ids=MOST_ROWS)
    summary = f"{write.title}: many {title} at once, each as far as it can be."
    made = blueprint.response(200, schemas.OutcomesSchema, description="What became of each")
    view = made(_named(lambda values: change_many(shape, write, values), summary))
    view = _planned(blueprint, plan)(view)
    body = blueprint.arguments(taken)(view)
    rights = (shape.view.permission, write.permission)
    about = {"operationId": _id(write.name, shape.resource.name), "parameters": _write_parameters()}
    _add(blueprint, "POST", f"/{write.name}", body, rights, **about)


def _add(blueprint: Blueprint, method: str, rule: str, view: Any, rights: Sequence[str], **about: Any) -> None:
    """Add an operation, which asks for these rights before it looks at what was sent."""
    documented = blueprint.doc(**about)(_guarded(view, rights))
    blueprint.add_url_rule(rule, about["operationId"], documented, methods=[method])


def _planned(blueprint: Blueprint, plan: Any) -> Any:
    """Return the decorator that documents the answer to a dry run."""
    text = "With dry_run=true: what would change"
    return blueprint.alt_response(200, schema=plan, content_type=PLAN_TYPE, description=text, success=True)


def _guarded(view: Callable[..., Any], rights: Sequence[str]) -> Callable[..., Any]:
    """Return the view for who has these rights."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        for right in rights:
            require(right)
        return view(*args, **kwargs)

    return guarded


def _named(view: Callable[..., Any], summary: str) -> Callable[..., Any]:
    view.__doc__ = summary
    return view


def _id(verb: str, noun: str = "") -> str:
    """Return the id of an operation, such as `confirm_order`."""
    return f"{verb}_{noun}".rstrip("_").replace("-", "_").replace(" ", "_")


def _list_parameters(shape: Shape) -> list[dict[str, Any]]:
    size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": PAGE}
    given = [
        _query("limit", size, "How many rows the answer has at most."),
        _query("cursor", {"type": "string", "pattern": "^[0-9]{1,18}$"}, "`next` of the part before."),
    ]
    if shape.view.column_searchable_list:
        given.append(_query("search", {"type": "string", "maxLength": 100}, f"{shape.view.search_placeholder()}."))
    for name, (_, used) in sorted(shape.view.live_filters().items()):
        words = [str(key) for key, _ in used.get_options(shape.view) or ()]
        schema = {"type": "string", **({"enum": words} if words else {"maxLength": 200})}
        given.append(_query(name, schema, f"{used.name} {used.operation()}"))
    return given


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"in": "query", "name": name, "schema": schema, "description": description}


def _write_parameters(*, of_row: bool = False) -> list[dict[str, Any]]:
    key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]+$"}
    text = "Another one for each change; a request that is sent again with its key is done once."
    given = [{"in": "header", "name": KEY, "required": True, "schema": key, "description": text}]
    given.append(
        _query("dry_run", {"type": "string", "enum": ["true", "false"]}, "true: change nothing, show what would.")
    )
    text = "The plan of a dry run: exactly what it showed is done, or nothing (409)."
    given.append(_query("plan", {"type": "string", "maxLength": LONGEST_PLAN}, text))
    if of_row:
        text = "The entity tag of the row as it was read: where it has changed, nothing is done (412)."
        given.append({"in": "header", "name": "If-Match", "schema": {"type": "string"}, "description": text})
    return given
