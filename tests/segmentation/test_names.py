import subprocess
import sys

from forecast.segmentation.names import HUB, SEGMENTERS


def test_listing_the_names_imports_no_torch():
    code = "import sys, forecast.segmentation.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_short_name_is_listed():
    assert set(HUB) <= set(SEGMENTERS)
