"""Exchanges facts of a training between its loop, its data and its model."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import SemiDataset, SourceSampler
from mmseg_semisup.models.training_facts import IMAGES, LABELED


@HOOKS.register_module()
class TrainingFactsHook(Hook):
    """Tells the model the numbers of images, and the sampler the batch size."""

    priority = "VERY_HIGH"

    def before_train(self, runner: Runner) -> None:
        """Exchange the facts, also after a resume with other data.

        Raises:
            ConfigError: If the loop has epochs and the stream of samples has none, or
                the other way round.
        """
        loader = runner.train_loop.dataloader
        if isinstance(loader.dataset, SemiDataset):
            sizes = {name: len(s) for name, s in loader.dataset.sources.items()}
            runner.message_hub.update_info(LABELED, sizes["labeled"])
            views = {v: sizes[name] for v, name in loader.dataset.views.items()}
            runner.message_hub.update_info(IMAGES, views, resumed=False)
        if isinstance(loader.sampler, SourceSampler):
            in_epochs = isinstance(runner.train_loop, EpochBasedTrainLoop)
            if in_epochs and loader.sampler.epoch is None:
                raise ConfigError(
                    "train_cfg counts epochs, but train_dataloader.sampler never ends; "
                    "set sampler.epoch='labeled' or the name of another source, whose "
                    "images make up an epoch, or use IterBasedTrainLoop"
                )
            if not in_epochs and loader.sampler.epoch is not None:
                raise ConfigError(
                    f"train_dataloader.sampler.epoch={loader.sampler.epoch!r}, but "
                    "train_cfg counts iterations; leave it out, or use "
                    "EpochBasedTrainLoop"
                )
            loader.sampler.fill_batches(loader.batch_size)
