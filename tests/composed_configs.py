"""Record the full config that each method, and some encoders, make of one plain config.

``PYTHONPATH=. python tests/composed_configs.py`` writes tests/test_composition/golden;
a change of these files shows what a change of the composition does to trainings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config
from plain_configs import plain_config

from mmseg_semisup.composition import compose, method_names

FOLDER = Path(__file__).parent / "test_composition" / "golden"
LABELS = {"weak": ["labels.txt", "photos"]}
IMAGES = {"supervised": {}, "cam_classifier": LABELS, "context_aware_weak": LABELS}
"""Images of the methods that do not take unlabelled ones."""
ENCODERS = {
    "unimatch_v2_dinov2-small": "dinov2-small",
    "cutmix_dinov3-convnext-tiny": ["dinov3-convnext-tiny", "weights"],
    "s4gan_efficientnet-lite2": {"name": "efficientnet-lite2", "weights": None},
}
"""Name of a record, which begins with that of a method, to its encoder."""


def composed(name: str) -> Config:
    """The plain config of the tests with the method and encoder of a record."""
    encoder = ENCODERS.get(name)
    method = name if encoder is None else name.rpartition("_")[0]
    return compose(plain_config(), method, **images_of(method), encoder=encoder)


def recorded_names() -> list[str]:
    """Names of all records but that of the plain config."""
    return [*method_names(), *ENCODERS]


def images_of(method: str) -> dict[str, Any]:
    """Arguments of ``compose`` that name the images of a method."""
    return IMAGES.get(method, {"unlabeled": ["photos"]})


def main() -> None:
    """Write the plain config, and one file for each record."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.py"):
        old.unlink()
    configs = {"plain": plain_config(), **{n: composed(n) for n in recorded_names()}}
    for name, cfg in configs.items():
        cfg.dump(FOLDER / f"{name}.py")


if __name__ == "__main__":
    main()
