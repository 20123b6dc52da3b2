"""Facts of the running training: its length, its data, and times within it."""

from __future__ import annotations

from mmengine.logging import MessageHub

LENGTH = "max_iters"
"""Entry of the message hub that mmengine's ``RuntimeInfoHook`` writes."""
LABELED = "labeled_images"
"""Entry of the message hub that ``TrainingFactsHook`` writes."""
IMAGES = "images_of_views"
"""Entry with the number of images of each view's source, by the same hook."""


def total_iterations() -> int:
    """Number of iterations of the running training.

    Raises:
        ValueError: If it is unknown, without a runner.
    """
    total = MessageHub.get_current_instance().get_info(LENGTH, None)
    if not total:
        raise ValueError(
            "the number of iterations is not known, on which a share of the training "
            "depends; train with a runner, whose RuntimeInfoHook tells it"
        )
    return int(total)


def labeled_images() -> int:
    """Number of images with masks in the running training.

    Raises:
        ValueError: If it is unknown, without a runner.
    """
    count = MessageHub.get_current_instance().get_info(LABELED, None)
    if not count:
        raise ValueError(
            "the number of labelled images is not known; train with a runner and "
            "SemiDataset, or state what depends on it"
        )
    return int(count)


def images_of(view: str) -> int:
    """Number of images of the source that a view is made of, in the running training.

    Args:
        view: Name of the view.

    Raises:
        ValueError: If it is unknown, without a runner or without the view.
    """
    known = MessageHub.get_current_instance().get_info(IMAGES, None) or {}
    if view not in known:
        raise ValueError(
            f"the number of images behind the view {view!r} is not known; train with a "
            "runner and SemiDataset, or state what depends on it"
        )
    return int(known[view])


def iterations(time: float) -> int:
    """A time in iterations.

    Args:
        time: An int counts iterations; a float in [0, 1) is a share of the training.

    Raises:
        ValueError: If a share is given, and the training's length is unknown.
    """
    return time if isinstance(time, int) else round(time * total_iterations())


def check_time(where: str, time: float) -> None:
    """Check a time before the training's length is known.

    Args:
        where: Name of the argument, for the message.
        time: See :func:`iterations`.

    Raises:
        ValueError: If it is negative, or a float from 1 on, which could mean both.
    """
    if time < 0 or (isinstance(time, float) and time >= 1):
        raise ValueError(
            f"{where}={time!r}; allowed: a whole number of iterations, or a share of "
            "the training, from 0.0 to below 1.0"
        )
