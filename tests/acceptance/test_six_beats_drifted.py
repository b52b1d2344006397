"""The six beats of every drifted case, through both doors. (tests/windows/beats.py)"""

from __future__ import annotations

import pytest
from beats import DRIFTED, proof

pytestmark = pytest.mark.timeout(3600)
proved, test_beats, test_no_pair_is_skipped = proof(DRIFTED)
