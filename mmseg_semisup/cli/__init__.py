"""What the scripts in ``tools/`` share: arguments, launchers, the config they name.

Every room below may be imported; only ``demo`` and the scripts import this one.
"""
