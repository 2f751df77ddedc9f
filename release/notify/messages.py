"""A notice as the bodies that Slack and other receivers get. Pure.

Everything in a notice may come from outside (an image's tag, a reason): in Slack it is plain text, in which no mark-up,
mention or link works.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from release.notify.notice import Happening, Notice
from release.report.say import plain

SIGNATURE: Final = "X-Release-Signature"
"""``sha256=`` and the hexadecimal HMAC-SHA256 of the time header's value, a full stop and the body."""
TIME: Final = "X-Release-Timestamp"
"""Seconds since 1970 at which it was signed: a receiver refuses old ones, so none can be replayed."""
DELIVERY: Final = "X-Release-Delivery"
"""The same for each try of one notice: a receiver counts it once."""

_TEXT_LIMIT: Final = 2_900
"""Slack refuses a text block of more than 3000 characters."""
_FIELD_LIMIT: Final = 1_900
"""Slack refuses a field of more than 2000."""
_FIELDS: Final = 10
"""Slack refuses more fields in one block."""
_SIGNS: Final = {
    Happening.STARTED: "▶",
    Happening.SHIFTED: "→",
    Happening.WAITING: "⏸",
    Happening.FAILED: "✖",
    Happening.ROLLED_BACK: "↩",
    Happening.SUCCEEDED: "✔",
    Happening.HALTED: "⛔",
}


def slack(notice: Notice) -> dict[str, Any]:
    """The body for a Slack incoming webhook."""
    title = f"{_SIGNS[notice.event]} {notice.stack}: release {notice.release} {notice.event.value}"
    lines = [plain(notice.text), f"by {plain(notice.actor)}"]
    if notice.next:
        lines.append(f"next: {plain(notice.next)}")
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain_text(title, 150)},
        {"type": "section", "text": _plain_text("\n".join(lines), _TEXT_LIMIT)},
    ]
    fields = [_plain_text(f"{name}\n{plain(value)}", _FIELD_LIMIT) for name, value in notice.figures.items()]
    if fields:
        blocks.append({"type": "section", "fields": fields[:_FIELDS]})
    link = safe_link(notice.link)
    if link:
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"<{link}|More>", "verbatim": True}})
    return {
        # What notifications and old clients show. Slack reads mark-up here unless told not to, and <…> in any case.
        "text": _escaped(f"{plain(title)}: {plain(notice.text)}")[:_TEXT_LIMIT],
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def generic(notice: Notice) -> dict[str, Any]:
    """The body for any other receiver: the notice as it is."""
    return {
        "format": 1,
        "event": notice.event.value,
        "stack": notice.stack,
        "release": notice.release,
        "status": notice.status,
        "text": notice.text,
        "actor": notice.actor,
        "at": notice.at.isoformat(),
        "next": notice.next,
        "figures": dict(notice.figures),
        "link": safe_link(notice.link),
    }


def body(document: Mapping[str, Any]) -> bytes:
    """``document`` as the bytes that are sent, and signed."""
    return json.dumps(document, ensure_ascii=True, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()


def delivery(content: bytes) -> str:
    """A name for this notice that each further try carries again."""
    return hashlib.sha256(content).hexdigest()[:32]


def signature(secret: str, timestamp: int, content: bytes) -> str:
    """The value of the signature's header."""
    signed = f"{timestamp}.".encode() + content
    return f"sha256={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def safe_link(link: str | None) -> str | None:
    """``link`` if it is an ``https`` address without a user's name, with nothing in it that ends a link in Slack."""
    if not link or len(link) > _FIELD_LIMIT or re.search(r"\s", link):
        return None
    try:
        parts = urlsplit(link)
        whole = parts.scheme == "https" and parts.hostname and parts.username is None and parts.port != 0
    except ValueError:
        return None
    return quote(link, safe=":/?#[]@!$&'()*+,;=%-._~") if whole else None


def _plain_text(text: str, limit: int) -> dict[str, Any]:
    lines = [plain(line) for line in text.split("\n")]
    shown = "\n".join(line for line in lines if line)
    return {"type": "plain_text", "text": shown[: limit - 1] + "…" if len(shown) > limit else shown, "emoji": False}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
