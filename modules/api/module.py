"""API: an HTTP interface for programs, with tokens that have a user's rights or fewer."""

from datetime import timedelta

from erp.manifest import Module, Permission
from erp.options import Duration, Integer, Switch
from erp.registry import Core


def setup(core: Core) -> None:
    """Register the tokens and what is done on a schedule."""
    from erp.api import Announced
    from modules.api import commands, jobs, models, services

    core.add_models(models)
    core.add_command(commands.tokens, commands.openapi)
    core.add_job(jobs.forget_answers, every="api.forget_every")
    core.add_job(jobs.write_exports, every="api.export_every")
    core.add_job(jobs.deliver_webhooks, every="api.deliver_every")
    core.subscribe(Announced, services.notify_webhooks)


def screens(core: Core) -> None:
    """Register the endpoint and the list of tokens, for processes that answer requests."""
    from modules.api import admin, api, http

    core.add_endpoint(http.ENDPOINT)
    core.add_view(admin.WebhookScreen, menu="Settings", permission="api.webhooks")
    core.add_view(admin.DeliveryScreen, menu="Settings", permission="api.webhooks")
    core.add_view(admin.TokenScreen, menu="Settings", permission="api.use")
    api.register(core)


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
            help="How long the answer to a write is kept for a request with the same key; exports as long.",
        ),
        Switch(name="webhooks", default=False, help="Send what happens to webhooks."),
        Duration(
            name="deliver_every", default=timedelta(minutes=1), help="How often pending webhook deliveries are sent."
        ),
        Duration(
            name="webhook_timeout",
            default=timedelta(seconds=10),
            minimum=timedelta(seconds=1),
            maximum=timedelta(minutes=2),
            help="How long a webhook's receiver may take for its answer.",
        ),
        Switch(
            name="allow_private_targets",
            default=False,
            help="Let webhooks go to addresses that are not public, such as those of the company's own network.",
        ),
        Duration(
            name="export_every",
            default=timedelta(minutes=5),
            help="How often exports that still wait are written; one that is asked for is begun at once.",
        ),
        Duration(name="forget_every", default=timedelta(days=1), help="How often older answers are deleted."),
    ),
    permissions=(
        Permission(
            "api.use", "Make tokens of their own for programs", ("Sales clerk", "Merchandiser", "Warehouse clerk")
        ),
        Permission("api.tokens", "See and revoke the tokens of all users"),
        Permission("api.webhooks", "Set up webhooks, and see and repeat their deliveries"),
    ),
    setup=setup,
    screens=screens,
)
