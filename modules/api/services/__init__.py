"""What the HTTP interface writes of its own: tokens, counts of requests, kept answers, and webhook deliveries."""

from modules.api.services.answers import forget_answers, keep_answer
from modules.api.services.exports import ask_for_export, content_of_export, forget_exports, write_exports
from modules.api.services.limits import count_request
from modules.api.services.tokens import add_token, note_use, revoke_token
from modules.api.services.webhooks import Outgoing, notify_webhooks, save_webhook
from modules.api.services.webhooks import begin as begin_delivery
from modules.api.services.webhooks import recover as recover_deliveries
from modules.api.services.webhooks import replay as replay_delivery
from modules.api.services.webhooks import settle as settle_delivery
from modules.api.services.webhooks import take as take_deliveries

__all__ = [
    "Outgoing",
    "add_token",
    "ask_for_export",
    "begin_delivery",
    "content_of_export",
    "count_request",
    "forget_answers",
    "forget_exports",
    "keep_answer",
    "note_use",
    "notify_webhooks",
    "recover_deliveries",
    "replay_delivery",
    "revoke_token",
    "save_webhook",
    "settle_delivery",
    "take_deliveries",
    "write_exports",
]
