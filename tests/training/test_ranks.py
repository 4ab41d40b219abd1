"""One process among several, as torchrun tells it."""

from __future__ import annotations

import pytest
import torch

from forecast.training import ranks
from forecast.training.ranks import first_rank_first, joined_group, local_device


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch):
    for name in ("WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


def test_alone_there_is_nobody_to_wait_for():
    assert joined_group() == (0, 1)
    with first_rank_first():
        done = True
    assert done


@pytest.mark.parametrize(("rank", "order"), [(0, ["body", "meet"]), (1, ["meet", "body"])])
def test_the_first_works_before_the_others_meet_it(
    monkeypatch: pytest.MonkeyPatch, rank: int, order: list[str]
):
    seen: list[str] = []
    monkeypatch.setattr(ranks, "joined_group", lambda: (rank, 2))
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda _: seen.append("meet"))
    with first_rank_first():
        seen.append("body")
    assert seen == order


def test_what_fails_on_the_first_is_not_passed_over(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ranks, "joined_group", lambda: (0, 2))
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda _: pytest.fail("met after a fault"))
    with pytest.raises(OSError, match="no room"), first_rank_first():
        raise OSError("no room")


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch):
    assert local_device("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert local_device("cuda") == "cuda:3"
    assert local_device("cuda:1") == "cuda:1"
    assert local_device("cpu") == "cpu"
