"""`forecast models` and `forecast datasets`: what there is, and under what terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.table import Table

from forecast import catalogue
from forecast.errors import OpenError, UsageError
from forecast.plugins import Plugin
from pipelines.progress import console

_OTHER_DATA = {
    "street": (
        "rendered: `forecast evaluate street`, `forecast datasets make street DIR`",
        "ours: Apache-2.0",
    ),
    "images": ("a folder or glob of pictures, with --fps; labelled if label_trainid/ is there", ""),
    "video": ("any file that FFmpeg can decode", ""),
}
_MOST_NAMED = 20


def list_models() -> int:
    """Print every segmenter, refiner, predictor and flow, then the cards of bundled weights."""
    from forecast.refinement.build import REFINERS

    predictors = {name: entry[0] for name, entry in catalogue.PREDICTORS.items()}
    for title, rows in (
        ("Segmenters", {**catalogue.SEGMENTERS, **_of_packages(catalogue.plugged_segmenters())}),
        ("Refiners", REFINERS),
        ("Predictors", {**predictors, **_of_packages(catalogue.plugged_predictors())}),
        ("Optical flow", catalogue.FLOWS),
    ):
        table = Table("name", "what it is", title=title, title_justify="left", box=None)
        for name, what in rows.items():
            table.add_row(name, what)
        console.print(table, "")
    _print_cards()
    return 0


def _of_packages(found: Mapping[str, Plugin]) -> dict[str, str]:
    return {name: f"from the package {one.package}" for name, one in found.items()}


def _print_cards() -> None:
    from forecast.checkpoints import bundled_card, bundled_names

    names = bundled_names()
    console.print("Bundled weights" if names else "Bundled weights: none in this installation")
    for name in names:
        card = bundled_card(name)
        scores = ", ".join(f"{key} {value:.3f}" for key, value in card.scores.items())
        console.print(f" {card.name} ({card.network}, {card.space})")
        console.print(f"   terms: {card.terms}")
        console.print(f"   learnt from: {'; '.join(one.name for one in card.learnt_from)}")
        console.print(f"   scores: {scores}")


def list_data() -> int:
    """Print the data sets that can be read."""
    from forecast.sources.datasets.table import DATASETS

    table = Table(box=None)
    for title in ("name", "layout", "terms and where from"):
        table.add_column(title, overflow="fold")
    for name, kind in DATASETS.items():
        table.add_row(name, kind.layout, f"{kind.terms}; from {kind.origin}")
    for name, (layout, terms) in _OTHER_DATA.items():
        table.add_row(name, layout, terms)
    console.print(table)
    console.print(
        "Those with splits are named DATA:SPLIT, or with --split; "
        "`forecast datasets check DIR` counts what is there."
    )
    return 0


def check_data(folder: Path) -> int:
    """Print what of a data set is there, and name what is missing.

    Returns:
        0 if every split can be read, else 3.

    Raises:
        SourceError: There is no such folder.
        UsageError: It is the root of no known data set.
    """
    from forecast.sources.datasets.counting import counted

    found = counted(folder)
    table = Table("split", "pictures", "labels", "published", "missing", box=None)
    for one in found.splits:
        published = "" if one.published is None else str(one.published)
        counts = (one.num_pictures, one.num_labels, published, len(one.missing))
        table.add_row(one.name, *(str(count) for count in counts))
    console.print(f"{found.kind} in {folder}")
    console.print(table if found.splits else "no split can be read: its lists are missing")
    # Files of several splits are missing once; dict keeps their order.
    missing = list(dict.fromkeys(path for one in found.splits for path in one.missing))
    for path in missing[:_MOST_NAMED]:
        console.print(f"missing: {path.relative_to(folder)}", soft_wrap=True)
    if len(missing) > _MOST_NAMED:
        console.print(f"and {len(missing) - _MOST_NAMED} more")
    for one in found.splits:
        if one.refused:
            console.print(f"{one.name}: {one.refused}", soft_wrap=True)
    if found.remark:
        console.print(found.remark, soft_wrap=True)
    return 0 if found.is_whole else OpenError.exit_code


def make_dataset(
    kind: str, folder: Path, *, split: str, snippets: int, frames: int, height: int, seed: int
) -> int:
    """Render a data set into a folder, and say where it is.

    Raises:
        UsageError: No data set of that kind can be made, or a number is out of range.
    """
    from forecast.storage.cityscapes_folder import write_cityscapes
    from forecast.synthetic.street.source import street_snippets

    if kind != "street":
        raise UsageError(f"{kind!r} cannot be made; known: street")
    if frames < 20 or snippets < 1 or height < 64:
        raise UsageError(
            f"found {snippets} snippets of {frames} frames, {height} pixels high; "
            "needed at least 1 of 20 (the annotated frame is number 19), 64 high"
        )
    streets = street_snippets(
        snippets, first_seed=seed, size_hw=(height, 2 * height), num_frames=frames
    )
    write_cityscapes(folder, streets, split=split, city="street")
    console.print(f"{snippets} snippets of {frames} frames in {folder}")
    return 0
