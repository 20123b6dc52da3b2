"""Images a second of a core, from JPEG files, of several pipelines in turn.

    python tests/sample_speed.py                       # generated JPEG files
    python tests/sample_speed.py data/voc_animals/images

Ours with two strong views, with the colours changed in this process or left to the
device; MMSegmentation's own labelled pipeline with PhotoMetricDistortion; and the
pipeline of unlabelled images of UniMatch V2, written again from its description, with
Pillow, as torchvision changes colours. All resize by 0.5 to 2, crop 321 pixels and
flip. Processor time, in one process.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from mmseg_semisup.benchmark.sizes import _write_images
from mmseg_semisup.composition.device_views import on_device
from mmseg_semisup.datasets import SampleKey

CROP = 321
SCALE = {"type": "RandomResize", "scale": (500, 500), "ratio_range": (0.5, 2.0)}
GEOMETRY = [
    {**SCALE, "keep_ratio": True},
    {"type": "RandomCrop", "crop_size": (CROP, CROP), "cat_max_ratio": 1.0},
    {"type": "RandomFlip", "prob": 0.5},
]
LOAD, PACK = {"type": "LoadImageFromFile"}, {"type": "PackSegInputs"}
MEAN, STD = (
    np.float32([0.485, 0.456, 0.406])[:, None, None],
    np.float32([0.229, 0.224, 0.225])[:, None, None],
)
ROUNDS = 9


def ours(folder: Path, images: int, device: bool):
    """Weak and two strong views of an unlabelled image; 3 images."""
    strong = Config.fromfile("configs/_base_/views/strong.py").to_dict()["strong"]
    steps = {"unlabeled": [], "one": strong, "two": strong}
    views = {name: [*own, PACK] for name, own in steps.items()}
    if device:
        views = on_device(steps, PACK)
    multi = {"type": "MultiView", "shared": GEOMETRY, "views": views}
    source = {
        "type": "UnlabeledDataset",
        "data_prefix": {"img_path": str(folder)},
        "pipeline": [LOAD, multi],
    }
    sources = {"labeled": source, "unlabeled": dict(source)}
    dataset = DATASETS.build({"type": "SemiDataset", "sources": sources})
    return lambda i: dataset[SampleKey("unlabeled", i % images, i)]


def of_mmseg(folder: Path, masks: Path, images: int):
    """MMSegmentation's own pipeline of a labelled image; 1 image."""
    dataset = DATASETS.build(
        {
            "type": "BaseSegDataset",
            "data_prefix": {"img_path": str(folder), "seg_map_path": str(masks)},
            "metainfo": {"classes": [str(i) for i in range(21)]},
            "pipeline": [
                LOAD,
                {"type": "LoadAnnotations"},
                *GEOMETRY,
                {"type": "PhotoMetricDistortion"},
                PACK,
            ],
        }
    )
    return lambda i: dataset[i % images]


def of_unimatch_v2(files: list[Path]):
    """UniMatch V2's pipeline of an unlabelled image; 3 images and two boxes."""

    def sample(i: int):
        image = Image.open(files[i % len(files)]).convert("RGB")
        mask = Image.fromarray(np.zeros((image.size[1], image.size[0]), np.uint8))
        width, height = image.size
        longer = random.randint(int(500 * 0.5), int(500 * 2.0))
        scale = longer / max(width, height)
        size = (int(width * scale + 0.5), int(height * scale + 0.5))
        image = image.resize(size, Image.Resampling.BILINEAR)
        mask = mask.resize(size, Image.Resampling.NEAREST)
        border = (0, 0, max(CROP - size[0], 0), max(CROP - size[1], 0))
        image = ImageOps.expand(image, border=border, fill=0)
        mask = ImageOps.expand(mask, border=border, fill=254)
        x, y = (random.randint(0, side - CROP) for side in image.size)
        box = (x, y, x + CROP, y + CROP)
        image, mask = image.crop(box), mask.crop(box)
        if random.random() < 0.5:
            image, mask = ImageOps.mirror(image), ImageOps.mirror(mask)
        views = [image, *(_strong(image) for _ in range(2))]
        tensors = [_normalised(view) for view in views]
        boxes = [_box() for _ in range(2)]
        ignored = torch.from_numpy(np.array(mask)).long()
        return tensors, boxes, ignored

    return sample


def _strong(image: Image.Image) -> Image.Image:
    if random.random() < 0.8:
        steps = [_bright, _contrast, _saturated, _turned]
        random.shuffle(steps)
        for step in steps:
            image = step(image)
    if random.random() < 0.2:
        image = image.convert("L").convert("RGB")
    if random.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.1, 2.0)))
    return image


def _bright(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(random.uniform(0.5, 1.5))


def _contrast(image: Image.Image) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(random.uniform(0.5, 1.5))


def _saturated(image: Image.Image) -> Image.Image:
    return ImageEnhance.Color(image).enhance(random.uniform(0.5, 1.5))


def _turned(image: Image.Image) -> Image.Image:
    hue, *others = image.convert("HSV").split()
    shift = np.uint8(round(random.uniform(-0.25, 0.25) * 255) % 256)
    turned = Image.fromarray(np.array(hue, np.uint8) + shift)
    return Image.merge("HSV", (turned, *others)).convert("RGB")


def _normalised(image: Image.Image) -> torch.Tensor:
    array = np.array(image, copy=True)
    tensor = torch.from_numpy(array).permute(2, 0, 1).contiguous().float().div(255)
    return tensor.sub_(torch.from_numpy(MEAN)).div_(torch.from_numpy(STD))


def _box() -> torch.Tensor:
    mask = torch.zeros(CROP, CROP)
    if random.random() > 0.5:
        return mask
    area = random.uniform(0.02, 0.4) * CROP * CROP
    while True:
        ratio = random.uniform(0.3, 1 / 0.3)
        width, height = int((area / ratio) ** 0.5), int((area * ratio) ** 0.5)
        x, y = random.randint(0, CROP), random.randint(0, CROP)
        if x + width <= CROP and y + height <= CROP:
            mask[y : y + height, x : x + width] = 1
            return mask


def main() -> None:
    """Measure, and print a line for each pipeline."""
    init_default_scope("mmseg")
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as temporary:
        folder, masks = Path(temporary, "images"), Path(temporary, "masks")
        _write_images(Path(temporary), 21, (375, 500))
        if len(sys.argv) > 1:
            folder = Path(sys.argv[1])
            masks = folder.parent / "masks"
        files = sorted(folder.glob("*.jpg"))[:240]
        runs = {
            "MMSegmentation, 1 image": (of_mmseg(folder, masks, len(files)), 1),
            "ours, 2 strong views": (ours(folder, len(files), False), 2),
            "ours, left to the device": (ours(folder, len(files), True), 2),
            "UniMatch V2, 2 strong views": (of_unimatch_v2(files), 2),
        }
        times: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(ROUNDS + 1):
            for name, (sample, _) in runs.items():
                start = time.process_time()
                for i in range(24):
                    sample(24 * turn + i)
                if turn:
                    times[name].append((time.process_time() - start) / 24)
    for name, (_, strong) in runs.items():
        speeds = []
        for middle in (statistics.median, min):
            base = middle(times["MMSegmentation, 1 image"])
            seconds = middle(times[name])
            speeds += [1e3 * seconds, strong * base / seconds]
        middle, ratio, least, least_ratio = speeds
        print(
            f"{name:28} {middle:6.2f} ms a sample, {1e3 * strong / middle:4.0f} "
            f"changed images/s, {ratio:.2f}; at least {least:5.2f} ms, "
            f"{least_ratio:.2f}"
        )


if __name__ == "__main__":
    main()
