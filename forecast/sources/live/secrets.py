"""Passwords and tokens in an address: found wherever they stand, and never shown.

Promises to hide too much rather than too little: everything before the last @, the value of every
key that may hold a secret, in a query or in a path, and long mixtures of letters and digits. Knows
no scheme: it reads texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "***"

# Part of a key, or all of it where such a short one would stand in many words.
_SECRET_KEY = re.compile(
    r"pas|pwd|psk|token|secret|key|auth|jwt|sign|^sig|[_.-]sig|user|usr|login|session|cred|"
    r"^(p|pw|u|un|usr|pin|sid)$",
    re.IGNORECASE,
)
# A raw & or ; may belong to a password; only a further key ends one for certain.
_KEY = r"(?P<key>[\w.%-]*[A-Za-z0-9%])=(?P<value>(?:(?![&;][\w.%-]+=)"
_PAIR_IN_TEXT = re.compile(_KEY + r"\S)*)")
_PAIR = re.compile(_KEY + r".)*)", re.DOTALL)
_USER_INFO = re.compile(r"//(\S+)@")
_RANDOM = re.compile(r"(?<=/)(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}(?=[/?#.]|$)")


def hidden(text: str) -> str:
    """A text in which whatever may be a secret is `***`."""
    return _without_values(_USER_INFO.sub(f"//{MASK}@", text), _PAIR_IN_TEXT)


def hidden_address(address: str) -> str:
    """The same for a text that is one address: no space ends a secret in it."""
    slashes = address.find("//") + 2 if "//" in address else 0
    user_info, _, place = address[slashes:].rpartition("@")
    # Without its two slashes an address may still be one with a password, mistyped.
    secret = user_info if slashes or ":" in user_info else ""
    masked = f"{MASK}@{place}" if secret else address[slashes:]
    return _without_values(address[:slashes] + masked, _PAIR)


def secrets_of(address: str) -> tuple[str, ...]:
    """Every secret in an address, as it stands there and decoded, longest first."""
    user_info = address.partition("//")[2].rpartition("@")[0]
    name, _, password = user_info.partition(":")
    raw = (user_info, password, name, *_secret_values(address), *_RANDOM.findall(address))
    found = {form for one in raw for form in (one, unquote(one))}
    # Two letters would be found in any message, and say nothing.
    return tuple(sorted((one for one in found if len(one) > 2), key=len, reverse=True))


def _without_values(text: str, pattern: re.Pattern[str]) -> str:
    def shown(pair: re.Match[str]) -> str:
        secret = _SECRET_KEY.search(unquote(pair["key"]))
        # A path may hold one key behind the value of another: channel=1_password=x.
        return f"{pair['key']}={MASK if secret else pattern.sub(shown, pair['value'])}"

    return _RANDOM.sub(MASK, pattern.sub(shown, text))


def _secret_values(address: str) -> Iterator[str]:
    for pair in _PAIR.finditer(address):
        if _SECRET_KEY.search(unquote(pair["key"])):
            yield pair["value"]
        else:
            yield from _secret_values(pair["value"])
