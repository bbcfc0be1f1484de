"""A browser as far as a clerk needs one: cookies, forms, and the patience to send a form again."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from tests.support.forms import form_in

TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What a server answered; the status is 0 where it did not."""

    status: int
    text: str = ""
    location: str = ""
    seconds: float = 0.0
    retry_after: str = ""

    @property
    def is_unknown(self) -> bool:
        """Say whether the sender cannot know if the work was done."""
        return self.status == 0 or self.status >= 500


class Browser:
    """One user's browser."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.port, self.host = port, host
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._send("GET", path, None, {})

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form."""
        body = urlencode(fields).encode()
        return self._send("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def upload(self, path: str, fields: Mapping[str, str], name: str, content: bytes) -> Answer:
        """Send a form with a file."""
        mark = secrets.token_hex(12)
        parts = [
            f'--{mark}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in fields.items()
        ]
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        body = b"".join([*parts, head, content, f"\r\n--{mark}--\r\n".encode()])
        return self._send("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={mark}"})

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        began = time.monotonic()
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, {**headers, "Cookie": cookie} if cookie else dict(headers))
            answer = connection.getresponse()
            content = answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            return Answer(0, seconds=time.monotonic() - began)
        finally:
            connection.close()
        for value in answer.headers.get_all("Set-Cookie") or ():
            name, _, given = value.partition("=")
            self.cookies[name] = given.partition(";")[0]
        location = answer.headers.get("Location") or ""
        seconds = time.monotonic() - began
        return Answer(answer.status, content, location, seconds, answer.headers.get("Retry-After") or "")

    def sign_in(self, name: str, password: str) -> bool:
        """Sign in; say whether that succeeded."""
        page = self.get("/login")
        if page.status != 200:
            return False
        fields = {**form_in(page.text), "username": name, "password": password}
        return self.post("/login", fields).status == 302
