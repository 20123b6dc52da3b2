"""The lowest layer: errors, durable files, checkpoints, config keys, process groups.

Only ``compat`` and ``version`` may be imported.
"""
