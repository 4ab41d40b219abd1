import subprocess
import sys

import pytest

COUNT = """
import resource, sys
import numpy as np
from forecast.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
def touch():
    for _ in range(5):
        np.ones(10_000_000, np.float32)
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
touch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mallopt is glibc's")
def test_kept_memory_is_not_asked_for_again():
    faults = {}
    for how in ("given back", "kept"):
        done = subprocess.run(
            [sys.executable, "-c", COUNT, how], check=True, capture_output=True, text=True
        )
        faults[how] = int(done.stdout)
    assert faults["kept"] * 10 < faults["given back"]
