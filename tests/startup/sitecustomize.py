"""What a Python that a test starts leaves out: the formatting of configs.

It takes longer than a tiny training. Python imports this file by its name where the
folder is in PYTHONPATH, see ``processes.environment``.
"""

from __future__ import annotations

from yapf.yapflib import yapf_api

yapf_api.FormatCode = lambda text, **_: (text, True)
