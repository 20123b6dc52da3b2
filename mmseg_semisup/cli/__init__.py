"""Arguments, launchers and configs of the command-line tools.

``stages`` and all layers below it may be imported. Only ``demo`` and the scripts in
``tools/`` import this package.
"""
