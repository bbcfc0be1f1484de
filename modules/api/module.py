"""API: an HTTP interface for programs, with tokens that have a user's rights or fewer."""

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Duration, Integer
from erp.registry import Core


def setup(core: Core) -> None:
    """Register the tokens and what is done on a schedule."""
    from modules.api import commands, jobs, models

    core.add_models(models)
    core.add_command(commands.tokens)
    core.add_job(jobs.forget_answers, every="api.forget_every")


def screens(core: Core) -> None:
    """Register the endpoint, for processes that answer requests."""
    from modules.api import http

    core.add_endpoint(http.ENDPOINT)


MODULE = Module(
    name="api",
    title="API",
    summary="An HTTP interface for programs: lists, documents and every change, with tokens of users.",
    version="1.0",
    on_by_default=False,
    options=(
        Integer(
            name="requests_per_minute",
            default=600,
            minimum=1,
            maximum=1_000_000,
            help="How many requests a token may make in a minute.",
        ),
        Duration(
            name="keep_answers",
            default=timedelta(days=7),
            help="How long the answer to a write is kept for a request that is sent again with its key.",
        ),
        Duration(name="forget_every", default=timedelta(days=1), help="How often older answers are deleted."),
    ),
    permissions=(
        Permission(
            "api.use", "Make tokens of their own for programs", ("Sales clerk", "Merchandiser", "Warehouse clerk")
        ),
        Permission("api.tokens", "See and revoke the tokens of all users"),
    ),
    setup=setup,
    screens=screens,
)
