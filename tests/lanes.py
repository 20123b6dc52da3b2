"""How much of the longest tests runs: ``python3 tools/dev.py test --full`` runs all."""

import os

FULL = os.environ.get("MMSEG_SEMISUP_FULL") == "1"
