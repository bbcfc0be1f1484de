"""A client of the HTTP interface that knows nothing but its OpenAPI document; it needs the standard library alone."""

import json
import uuid
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen


class Problem(Exception):
    """A refusal: `status`, and `details` as RFC 9457 has them."""

    def __init__(self, status, details):
        super().__init__(f"{status}: {details.get('detail', '')}")
        self.status, self.details = status, details


class Client:
    """Calls operations by their ids, such as `create_order`."""

    def __init__(self, address, token):
        self.address, self.token = address.rstrip("/"), token
        document = self._send("GET", "/api/v1/openapi.json")
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if isinstance(operation, dict) and "operationId" in operation
        }

    def call(self, operation, *, body=None, query=None, key=None, if_match=None, **parts):
        """Return the answer of an operation; raise Problem where it is refused.

        `parts` are those of the address, such as `id`. Send a change again with the same `key`: it is done once.
        """
        method, path, _ = self.operations[operation]
        for name, value in parts.items():
            path = path.replace("{" + name + "}", quote(str(value), safe=""))
        headers = {} if method == "GET" else {"Idempotency-Key": key or str(uuid.uuid4())}
        if if_match:
            headers["If-Match"] = if_match
        asked = f"{path}?{urlencode(query)}" if query else path
        return self._send(method, asked, body if method == "GET" else body or {}, headers)

    def every(self, operation, *, query=None):
        """Yield all rows of a list, part by part."""
        cursor = None
        while True:
            found = self.call(operation, query={**(query or {}), **({"cursor": cursor} if cursor else {})})
            yield from found["items"]
            cursor = found.get("next")
            if cursor is None:
                return

    def _send(self, method, path, body=None, headers=None):
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        try:
            with urlopen(Request(self.address + path, data, sent, method=method), timeout=60) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise Problem(error.code, json.load(error)) from None
