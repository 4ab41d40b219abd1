"""Writes docs/api.md from the docstrings of `import forecast`: python docs/make_api.py."""

from __future__ import annotations

import inspect
from pathlib import Path

import forecast

_HEAD = """# What `import forecast` offers

Made by `python docs/make_api.py` from the docstrings; a test holds it to them.
Every name is typed; `help(forecast.process)` says more. What a command of the same name can be told
by options, a function is told by its settings.
"""
_GROUPS = (
    ("Functions", inspect.isfunction),
    ("Protocols, one for each stage", lambda one: getattr(one, "_is_protocol", False)),
    ("Errors", lambda one: inspect.isclass(one) and issubclass(one, Exception)),
    ("Values, settings and results", inspect.isclass),
)


def page() -> str:
    """The whole page."""
    left = {name: getattr(forecast, name) for name in forecast.__all__ if name != "__version__"}
    parts = [_HEAD]
    for title, belongs in _GROUPS:
        found = {name: one for name, one in left.items() if belongs(one)}
        left = {name: one for name, one in left.items() if name not in found}
        parts += [f"## {title}\n", *(_entry(name, one) for name, one in found.items())]
    assert not left, f"in no group: {left}"
    return "\n".join(parts)


def _entry(name: str, one: object) -> str:
    text = inspect.cleandoc(one.__doc__ or "")
    if not inspect.isfunction(one):
        return f"- **`{name}`**: {text.splitlines()[0]}\n"
    return f"### `{name}`\n\n```\n{name}{_signature(one)}\n\n{text}\n```\n"


def _signature(function: object) -> str:
    """A parameter a line, as it was written."""
    assert inspect.isfunction(function)
    signature = inspect.signature(function)
    lines, starred = list[str](), False
    for one in signature.parameters.values():
        if one.kind is one.KEYWORD_ONLY and not starred:
            lines, starred = [*lines, "    *,"], True
        plain = isinstance(one.default, str | int | float | tuple | None)
        default = "" if one.default is one.empty else f" = {one.default!r}" if plain else " = ..."
        lines.append(f"    {one.name}: {one.annotation}{default},")
    return "\n".join(["(", *lines, f") -> {signature.return_annotation}"])


if __name__ == "__main__":
    Path(__file__).with_name("api.md").write_text(page(), encoding="utf-8")
