"""Who may look: this machine without being asked, others with the token, no foreign web page.

A page from elsewhere could otherwise read the camera through the browser of someone who may.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from forecast.errors import UsageError


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _cookies(headers: Mapping[str, str]) -> Mapping[str, str]:
    pairs = (one.strip().partition("=") for one in headers.get("cookie", "").split(";"))
    return {name: unquote(value) for name, _, value in pairs}


class Access:
    """Decides about requests.

    Args:
        host: What the server listens on.
        token: What others must show; None lets in whoever reaches the server.

    Raises:
        UsageError: Others could reach the server, and there is no token.
    """

    def __init__(self, host: str, token: str | None) -> None:
        if token is None and not is_loopback(host):
            raise UsageError(
                f"{host} can be reached from other machines; pass --token, or serve on 127.0.0.1"
            )
        if token is not None and len(token) < 8:
            raise UsageError("the token is shorter than 8 characters; choose a longer one")
        self._loopback = is_loopback(host)
        self._token = token

    def shows_token(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        """Whether the request carries the token, if one is needed."""
        if self._token is None:
            return True
        scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
        # The word is written in any case (RFC 9110, section 11.1).
        shown = bearer.strip() if scheme.lower() == "bearer" else query.get("token", "")
        shown = shown or _cookies(headers).get(self.cookie_name(headers), "")
        return hmac.compare_digest(shown.encode(), self._token.encode())

    def cookie_name(self, headers: Mapping[str, str]) -> str:
        """Where a browser keeps the token; servers of one host share their cookies, so by port."""
        port = urlsplit(f"//{headers.get('host', '')}").netloc.rpartition(":")[2]
        return f"forecast_{port if port.isdigit() else 'token'}"

    def knows_host(self, headers: Mapping[str, str]) -> bool:
        """Whether the request names this server.

        On loopback only loopback names count: a foreign page may have its own name point here.
        """
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        return not self._loopback or is_loopback(host)

    def is_own_page(self, headers: Mapping[str, str]) -> bool:
        """Whether the request comes from this server's page, or from no page at all."""
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == headers.get("host")
