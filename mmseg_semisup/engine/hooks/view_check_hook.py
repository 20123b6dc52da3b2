"""Views that objectives read and no source makes stop a training before it begins."""

from __future__ import annotations

from difflib import get_close_matches

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import SemiDataset


@HOOKS.register_module()
class ViewCheckHook(Hook):
    """Compares the views that a model reads with those of the training data.

    An objective that starts late would ask for its views only then.
    """

    priority = "VERY_HIGH"

    def before_train(self, runner: Runner) -> None:
        """Compare.

        Raises:
            ConfigError: If a view is missing; names who reads it, and all views.
        """
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        dataset = runner.train_loop.dataloader.dataset
        if not isinstance(dataset, SemiDataset):
            return
        made = dataset.view_names
        for view, readers in getattr(model, "required_views", {}).items():
            if view not in made:
                close = get_close_matches(view, made, n=1)
                advice = f" (did you mean {close[0]!r}?)" if close else ""
                raise ConfigError(
                    f"{' and '.join(readers)} read the branch {view!r}{advice}, but "
                    f"train_dataloader makes {sorted(made)}; branches are the "
                    "sources of SemiDataset, or their views of MultiView"
                )
