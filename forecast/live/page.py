"""The page: one document with its style and script inside, and the policy that allows them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

_FOLDER = files("forecast.live") / "static"


@cache
def _part(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


@cache
def page_html() -> str:
    """The whole page; it asks nobody else for anything."""
    style, script = _part("page.css"), _part("page.js")
    document = _part("page.html")
    return document.replace("/*STYLE*/", style).replace("/*SCRIPT*/", script)


@cache
def content_security_policy() -> str:
    """Allows the page's own style, script and socket, and nothing else."""
    return (
        "default-src 'none'; connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; "
        f"form-action 'none'; frame-ancestors 'none'; style-src {_hash('page.css')}; "
        f"script-src {_hash('page.js')}"
    )


@cache
def favicon() -> str:
    """A drawing."""
    return _part("favicon.svg")


def _hash(name: str) -> str:
    digest = hashlib.sha256(_part(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
