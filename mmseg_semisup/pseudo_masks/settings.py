"""Settings of pseudo-masks: the options of the tool and of a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from mmseg_semisup.core.errors import StoreError
from mmseg_semisup.core.text import suggest

MODES = ("whole", "slide")
CHECKPOINTS = ("last", "best")


class MaskSettings(Protocol):
    """The settings that all kinds of pseudo-masks have in common."""

    @property
    def confidence(self) -> bool:
        """Whether the probabilities are stored, too, in 8 bits."""

    @property
    def batch_size(self) -> int:
        """Greatest number of images that go through the network at once."""

    @property
    def threads(self) -> int:
        """Number of threads that load images, and of those that write masks."""

    def what_counts(self) -> dict[str, Any]:
        """The settings that the masks depend on."""

    def stated(self) -> dict[str, Any]:
        """The settings, for a record."""


@dataclass(frozen=True)
class Settings:
    """Settings of pseudo-masks.

    Attributes:
        network: 'student', 'teacher', or the name of a further network.
        sources: Sources of the training whose images get masks.
        mode: 'whole' predicts whole images; 'slide' a sliding window; None: as the
            config's ``test_cfg``.
        crop_size: Height and width of the window in pixels; None: as ``test_cfg``.
        stride: Steps of the window in pixels; None: as ``test_cfg``.
        flip: Whether the probabilities of an image and its mirror image are averaged.
        scales: Scales of the image that the network sees, relative to that after the
            test pipeline; the probabilities at all of them are averaged.
        judges: For a stage: further networks of the stage before, e.g. snapshots; the
            images are ranked by their agreement with ``network`` in the last
            checkpoint.
        share: For a stage: share of the images, the most reliable ones, that get masks.
        rest_of: For a stage: name of an earlier one whose images get no masks.
        confidence: Whether the probabilities are stored, too, in 8 bits.
        batch_size: Greatest number of images of one size in a pass of the network.
        checkpoint: For a stage: the 'last' or the 'best' checkpoint of the stage
            before.
        threads: Number of threads that load images, and of those that write masks.

    Raises:
        StoreError: If a value is not allowed.
    """

    network: str = "student"
    sources: Sequence[str] = ("labeled", "unlabeled")
    mode: str | None = None
    crop_size: Sequence[int] | None = None
    stride: Sequence[int] | None = None
    flip: bool = False
    confidence: bool = False
    batch_size: int = 8
    checkpoint: str = "last"
    threads: int = 4
    scales: Sequence[float] = (1.0,)
    judges: Sequence[str] = ()
    share: float = 1.0
    rest_of: str | None = None

    def __post_init__(self) -> None:
        """Check the values."""
        check_scales(self.scales)
        self._check_choice()
        check_values(
            self,
            mode=(None, *MODES),
            flip=(False, True),
            confidence=(False, True),
            checkpoint=CHECKPOINTS,
        )
        for name in ("crop_size", "stride"):
            value = getattr(self, name)
            if value is None:
                continue
            if self.mode != "slide":
                raise StoreError(f"{name}={value} is for mode='slide'")
            if len(value) != 2 or not all(isinstance(v, int) and v > 0 for v in value):
                raise StoreError(f"{name}={value!r}; give height and width in pixels")

    def _check_choice(self) -> None:
        """Raise StoreError for a choice of images that cannot be made."""
        if isinstance(self.judges, str) or self.network in self.judges:
            raise StoreError(
                f"judges={self.judges!r}; give a list of names without that of the "
                f"network, {self.network!r}"
            )
        if not 0 < self.share <= 1:
            raise StoreError(f"share={self.share}; allowed: above 0, and at most 1")
        if self.share < 1 and not self.judges:
            raise StoreError(
                f"share={self.share} of the most reliable images needs judges=[...], "
                "names of networks to compare with"
            )
        if self.rest_of is not None and self.judges:
            raise StoreError(
                f"rest_of={self.rest_of!r} and judges={list(self.judges)} choose "
                "images; give one of them"
            )

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> Settings:
        """Settings from a config.

        Raises:
            StoreError: If a key does not exist or a value is not allowed.
        """
        check_options(cls, options)
        return cls(**options)

    def test_cfg(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """A segmentor's ``test_cfg`` for these settings.

        Args:
            own: The ``test_cfg`` of the config.

        Raises:
            StoreError: If the size of the window is not known.
        """
        cfg = dict(own)
        cfg["mode"] = self.mode or cfg.get("mode", "whole")
        if cfg["mode"] == "whole":
            return {"mode": "whole"}
        for name in ("crop_size", "stride"):
            value = getattr(self, name) or cfg.get(name)
            if value is None:
                raise StoreError(f"mode='slide' needs {name}=(height, width)")
            cfg[name] = tuple(value)
        return cfg

    def what_counts(self) -> dict[str, Any]:
        """The settings that the masks depend on, without those of speed.

        The images count by themselves, so that those of their choice do not.
        """
        speed = ("threads", "checkpoint", "mode", "crop_size", "stride")
        rest = (*speed, "judges", "share", "rest_of")
        kept = {k: v for k, v in vars(self).items() if k not in rest}
        # Stores of earlier versions have no scales.
        return {**kept, "scales": self.stated().get("scales")}

    def stated(self) -> dict[str, Any]:
        """The settings, without those that earlier versions did not have, if unused."""
        unused = {"scales": [1.0], "judges": [], "share": 1.0, "rest_of": None}
        plain = {**vars(self), "scales": [*self.scales], "judges": [*self.judges]}
        return {k: v for k, v in plain.items() if k not in unused or v != unused[k]}


def check_options(settings: type, options: Mapping[str, Any]) -> None:
    """Raise StoreError for an option that settings do not have.

    Args:
        settings: Class of the settings, a dataclass.
        options: Option to value.
    """
    known = [field.name for field in fields(settings)]
    for key in options:
        if key not in known:
            hint = suggest(key, known)
            raise StoreError(f"no option {key!r}; {hint}allowed: {known}")


def check_values(settings: Any, **allowed: Sequence[Any]) -> None:
    """Raise StoreError for a value of settings that is not allowed.

    Args:
        settings: Settings that also have ``sources``, ``batch_size`` and ``threads``.
        **allowed: Name of an attribute to its allowed values.
    """
    for name, values in allowed.items():
        if getattr(settings, name) not in values:
            raise StoreError(f"{name}={getattr(settings, name)!r}; allowed: {values}")
    for name in ("batch_size", "threads"):
        value = getattr(settings, name)
        if not isinstance(value, int) or value < 1:
            raise StoreError(f"{name}={value!r}; allowed: 1, 2, ...")
    if isinstance(settings.sources, str) or not settings.sources:
        raise StoreError(f"sources={settings.sources!r}; give a list of names")


def check_scales(scales: Sequence[float]) -> None:
    """Raise StoreError for scales that no image can have."""
    if not scales or min(scales) <= 0:
        raise StoreError(f"scales={list(scales)}; allowed: numbers above 0")
