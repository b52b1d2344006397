"""The six beats of drifted cases through the playbooks. (tests/windows/beats.py)"""

from __future__ import annotations

import pytest
from beats import DRIFTED, proof

pytestmark = pytest.mark.timeout(3600)
proved, test_beats, test_no_pair_is_skipped = proof(DRIFTED, ["playbook"])
