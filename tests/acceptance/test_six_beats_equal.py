"""Every other case, through both doors: the same answer, and nothing changed. (tests/windows/beats.py)"""

from __future__ import annotations

import pytest
from beats import EQUAL, proof

pytestmark = pytest.mark.timeout(3600)
proved, test_beats, test_no_pair_is_skipped = proof(EQUAL)
