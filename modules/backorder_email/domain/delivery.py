"""What the replies of a mail server mean."""

from erp.deliveries import Ending


def of_reply(code: int) -> Ending:
    """Return what a mail server's reply means: 2xx is sent, 5xx is permanent, anything else is transient."""
    if 200 <= code < 300:
        return Ending.sent
    return Ending.permanent if 500 <= code < 600 else Ending.transient
