"""Semi-supervised semantic segmentation for any MMSegmentation model.

Importing the package checks the environment and registers every class in the
registries of MMSegmentation, and lets MMEngine find configs by ``mmseg::`` and their
name. It has no other side effect. A config does it with
``custom_imports = dict(imports=['mmseg_semisup'], allow_failed_imports=False)``.
"""

from mmseg_semisup.compat import (
    check_environment,
    import_quietly,
    map_package_names,
)
from mmseg_semisup.moved import find_moved_modules

check_environment()
map_package_names()
import_quietly()
find_moved_modules()

from mmseg_semisup import (  # noqa: E402
    datasets,
    engine,
    evaluation,
    models,
    visualization,
)
from mmseg_semisup.composition import compose  # noqa: E402
from mmseg_semisup.version import __version__  # noqa: E402

__all__ = [
    "__version__",
    "compose",
    "datasets",
    "engine",
    "evaluation",
    "models",
    "visualization",
]
