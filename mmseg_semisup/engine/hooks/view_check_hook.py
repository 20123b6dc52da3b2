"""Stops a training whose objectives and sources of images do not fit each other."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import SemiDataset
from mmseg_semisup.datasets.pseudo_masks import PseudoMaskDataset
from mmseg_semisup.datasets.sources import leaves


@HOOKS.register_module()
class ViewCheckHook(Hook):
    """Compares the views that a model reads with those of the training data.

    An objective that starts late would fail only at its start, and a source that no
    objective reads would teach nothing. The latter is an error, unless the model has no
    objectives at all or the source has pseudo-masks; then it is a warning.
    """

    priority = "VERY_HIGH"

    def before_train(self, runner: Runner) -> None:
        """Compare.

        Raises:
            ConfigError: If a view is missing, or has no second image to be mixed with,
                or no objective reads a source.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        loader = runner.train_loop.dataloader
        if isinstance(loader.dataset, SemiDataset) and hasattr(model, "required_views"):
            self._check_names(model, loader.dataset.views)
            self._check_numbers(model, loader)
            self._check_sources(model, loader, runner)

    def _check_names(self, model: BaseModel, made: dict[str, str]) -> None:
        for view, readers in model.required_views.items():
            if view not in made:
                close = get_close_matches(view, made, n=1)
                advice = f" (did you mean {close[0]!r}?)" if close else ""
                raise ConfigError(
                    f"{' and '.join(readers)} read the branch {view!r}{advice}, but "
                    f"train_dataloader makes {sorted(made)}; branches are the "
                    "sources of SemiDataset, or their views of MultiView"
                )

    def _check_numbers(self, model: BaseModel, loader: Any) -> None:
        views, ratio = loader.dataset.views, loader.sampler.ratio
        for view, mixer in model.mixed_views.items():
            share = ratio[views[view]] / sum(ratio.values())
            images = loader.batch_size * share
            if images < 2:
                raise ConfigError(
                    f"{mixer} mixes the images of {view!r} with each other, but a "
                    f"process has {images:g} of them in a batch: an image would be "
                    "mixed with itself; raise train_dataloader.batch_size or "
                    f"sampler.ratio of {views[view]!r} to at least 2, or set "
                    "mix='none'"
                )

    def _check_sources(self, model: BaseModel, loader: Any, runner: Runner) -> None:
        made, ratio = loader.dataset.views, loader.sampler.ratio
        read = {made[view] for view in model.required_views}
        for name in loader.dataset.sources.keys() - read:
            source = loader.dataset.sources[name]
            views = sorted(view for view, maker in made.items() if maker == name)
            text = (
                f"no objective reads the source {name!r} ({len(source)} images, "
                f"{ratio[name]} of {sum(ratio.values())} in a batch; its branches: "
                f"{', '.join(views)}), so that it teaches nothing"
            )
            pseudo = all(isinstance(d, PseudoMaskDataset) for d in leaves(source))
            if len(model.objectives) == 0 or pseudo:
                runner.logger.warning(f"{text}: add an objective, or remove the source")
                continue
            readers = {v: " and ".join(r) for v, r in model.required_views.items()}
            raise ConfigError(
                f"{text}; what is read: {readers}. Let an objective read one of its "
                f"branches, or remove the source with sources=dict({name}=None) and "
                "its share in sampler.ratio"
            )
