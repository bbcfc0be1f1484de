"""The pages of backorder email as a browser without scripts gets them."""

import re
from html import unescape

from erp.db import db

PENDING = "/emails/pending/"
TEMPLATES = "/emails/templates/"


def words(html):
    """Return a page's text."""
    html = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def page(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status, words(answer.text)[:2000]
    return answer.text


def post(client, address, status=200, **data):
    answer = client.post(address, data=data)
    if answer.status_code == 302:
        answer = client.get(answer.location)
    assert answer.status_code == status, words(answer.text)[:2000]
    db.session.expire_all()
    return answer.text
