"""The ground floor: what every room needs and what knows nothing of any room.

Errors, durable files, checkpoints, the keys of a config and process groups live here.
Only ``compat`` and ``version`` may be imported.
"""
