"""What people type, arranged as the parser takes it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from forecast.errors import UsageError


def without_config(words: Sequence[str]) -> tuple[list[str], str | None]:
    """The words without `--config FILE` or `--config=FILE`, and the file.

    Raises:
        UsageError: No file follows.
    """
    rest = list(words)
    for at, word in enumerate(rest):
        if word == "--":
            break
        if word == "--config" or word.startswith("--config="):
            joined = word != "--config"
            path = word.removeprefix("--config=") if joined else "".join(rest[at + 1 : at + 2])
            if not path:
                raise UsageError("--config needs a file, such as --config run.toml")
            del rest[at : at + (1 if joined else 2)]
            return rest, path
    return rest, None


def with_sizes(words: Sequence[str], options: Collection[str]) -> list[str]:
    """The words, with `--segmenter-size 256 512` as `--segmenter-size 256x512`."""
    joined = list[str]()
    for word in words:
        if len(joined) > 1 and joined[-2] in options and joined[-1].isdigit() and word.isdigit():
            joined[-1] += f"x{word}"
        else:
            joined.append(word)
    return joined


def with_standard_input(words: list[str]) -> list[str]:
    """The same words, with `-` where it is not taken for an option without a name: behind `--`."""
    if "-" not in words or "--" in words:
        return words
    return [
        *(word for word in words if word != "-"),
        "--",
        *(word for word in words if word == "-"),
    ]
