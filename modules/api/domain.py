"""Which addresses webhooks can have."""

from urllib.parse import urlsplit

from erp.text import say

PORTS = {"http": 80, "https": 443}


def why_not(url: str) -> str:
    """Return why nothing can be sent to an address; empty where it can."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return say("It is not an address: {error}.", error=str(error))
    if parts.scheme not in PORTS or not parts.hostname:
        return say("An address that begins with https:// or http:// is allowed.")
    if parts.username or parts.password:
        return say("An address with a user's name or a password in it is not allowed.")
    if port == 0 or any(not 33 <= ord(character) <= 126 for character in url):
        return say("The address has characters, or a port, that no address has. Write the host's name in ASCII.")
    return ""
