"""Each mistake ends a training with one line before its first step, or is named."""

from __future__ import annotations

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from tiny_training import DATA, MODEL, write_data, write_stages

METHOD = """
views = dict(unlabeled=[pack], unlabeled_strong=[pack])
train_dataloader['dataset']['sources']['unlabeled'].update(
    exclude=['source:labeled', 'val.txt'],
    pipeline=[load, dict(type='MultiView', shared=[crop], views=views)])
val_dataloader['dataset'].update(ann_file='val.txt')
model.update(objectives=dict(
    consistency=dict(type='ConsistencyObjective', threshold=0.3)))
consistency = model['objectives']['consistency']
sources = train_dataloader['dataset']['sources']
sampler = train_dataloader['sampler']
custom_hooks = [dict(type='TeacherUpdateHook')]
optim_wrapper = dict(
    constructor='JointOptimWrapperConstructor',
    segmentor=dict(optimizer=dict(type='SGD', lr=0.01)))
segmentor = optim_wrapper['segmentor']
"""
"""A mean teacher with CutMix, on lists that share no image."""
CONTRAST = """
model['segmentor']['decode_head'].update(in_channels=8, in_index=0)
two = [dict(type='DrawTwoCrops', crop_size=(16, 16), align={align})]
views = {{
    name: [dict(type='TakeCrop', which=i, crop_size=(16, 16)), pack]
    for i, name in enumerate(('unlabeled', 'unlabeled_second'))}}
sources['unlabeled'].update(
    pipeline=[load, dict(type='MultiView', shared=two, views=views)])
model.update(objectives=dict(contrast=dict(
    type='ContextContrastObjective', projector=None, pool=1, start=0)))
"""
"""Crops before features of a stride of 2 pixels."""


@pytest.fixture
def data(tmp_path):
    """Eight images with masks; two of them are labelled, two validated."""
    root = write_data(tmp_path / "data", images=8)
    (root / "val.txt").write_text("6\n7")
    (root / "val_and_one.txt").write_text("6\n7\n1")
    return root


@pytest.fixture
def dry_run(run_tool, data, tmp_path, monkeypatch):
    """Begins a training of the mean teacher with changes to its config."""

    def run(changes, *options):
        path = tmp_path / "own.py"
        text = f"data_root = {str(data)!r}\n{MODEL}{DATA}{METHOD}{changes}\n"
        path.write_text(text)
        run_tool("train.py", path, "--work-dir", tmp_path / "work", *options)

    return run


MISTAKES = {
    "a view that no source makes": (
        "consistency.update(student_branch='unlabeled_stron')",
        r"objectives\.consistency read the branch 'unlabeled_stron' \(did you mean "
        r"'unlabeled_strong'\?\), but train_dataloader makes",
    ),
    "a misspelt branch": (
        "consistency.update(teacher_branch='unlabelled')",
        r"the branch 'unlabelled' \(did you mean 'unlabeled'\?\)",
    ),
    "a misspelt source": (
        "sampler.update(ratio=dict(labeled=1, unlabelled=1))",
        r"sampler\.ratio names \['labeled', 'unlabelled'\], but .* did you mean "
        "'unlabeled'",
    ),
    "a ratio of 0": (
        "sampler.update(ratio=dict(labeled=1, unlabeled=0))",
        r"sampler\.ratio=.* whole numbers from 1",
    ),
    "a source that nobody reads": (
        "sources['more'] = dict(sources['unlabeled'], pipeline=[load, crop, pack])\n"
        "sampler['ratio']['more'] = 2\ntrain_dataloader['batch_size'] = 8",
        r"no objective reads the source 'more' \(4 images, 2 of 4 in a batch; .* "
        r"sources=dict\(more=None\)",
    ),
    "a start that is never reached": (
        "consistency.update(start=4)",
        r"model\.objectives\.consistency\.start=4: never reached in 4 iterations",
    ),
    "a teacher that nothing moves": (
        "custom_hooks = []",
        r"nothing moves model\.teacher: .* add dict\(type='TeacherUpdateHook'\)",
    ),
    "a second average": (
        "custom_hooks.append(dict(type='EMAHook'))",
        r"custom_hooks has EMAHook, but model\.teacher is the moving average already",
    ),
    "validated images": (
        "val_dataloader['dataset'].update(ann_file='val_and_one.txt')",
        r"labeled and validation share 1 images \(of 2 and 3\): 1; training images "
        "must not be validated",
    ),
    "no optimizer of the segmentor": (
        "optim_wrapper = dict(type='OptimWrapper', optimizer=segmentor['optimizer'],\n"
        "    constructor='JointOptimWrapperConstructor')",
        "optim_wrapper needs the key 'segmentor' with its optimizer; found",
    ),
    "a misspelt objective": (
        "consistency.update(type='ConsistencyObjectve')",
        r"objectives\.consistency: type='ConsistencyObjectve' .* did you mean "
        "'ConsistencyObjective'",
    ),
    "a misspelt head": (
        "model['segmentor']['decode_head'].update(type='FCNHed')",
        "type='FCNHed' is not a registered model; did you mean 'FCNHead'",
    ),
    "a misspelt argument of a head": (
        "model['segmentor']['decode_head'].update(num_conv=1)",
        "FCNHead: .*unexpected keyword argument 'num_conv'",
    ),
    "a misspelt optimizer": (
        "segmentor['optimizer'].update(type='SDG')",
        r"optim_wrapper\.segmentor\.optimizer: type='SDG' is not a registered "
        "optimizer; did you mean 'SGD'",
    ),
    "a negative learning rate": (
        "segmentor['optimizer'].update(lr=-1.0)",
        r"optim_wrapper\.segmentor: .*learning rate: -1\.0",
    ),
    "a misspelt hook": (
        "custom_hooks.append(dict(type='HealthHok'))",
        "type='HealthHok' is not a registered hook; did you mean 'HealthHook'",
    ),
    "CutMix of one image": (
        "train_dataloader.update(batch_size=2)",
        "a process has 1 of them in a batch: an image would be mixed with itself",
    ),
    "a ratio of classes without masks": (
        "sources['unlabeled']['pipeline'][1]['shared'] = [\n"
        "    dict(crop, cat_max_ratio=0.75)]",
        r"source 'unlabeled': RandomCrop has cat_max_ratio=0\.75, which counts",
    ),
    "crops between the features": (
        CONTRAST.format(align=1),
        r"objectives\.contrast compares features of a stride of 2 pixels, but "
        "DrawTwoCrops has align=1: .* set align to a multiple of 2",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_end_with_one_line(dry_run, mistake, tmp_path):
    changes, message = MISTAKES[mistake]
    with pytest.raises(SystemExit, match=f"^error: .*{message}") as stopped:
        dry_run(changes)
    assert "\n" not in str(stopped.value.code)
    assert not list((tmp_path / "work").rglob("*.pth"))


RIGHT = {
    "nothing": "",
    "no custom_imports": "del custom_imports",
    "a share of the training": "consistency.update(start=0.75)",
    "crops on the grid": CONTRAST.format(align=2),
    "an average without a teacher": (
        "model.update(teacher=None, objectives={})\n"
        "custom_hooks.append(dict(type='EMAHook'))\n"
        "sources.update(unlabeled=None)\nsampler.update(ratio=dict(labeled=1))"
    ),
    "the labelled list is validated": (
        "val_dataloader['dataset'].update(ann_file='labeled.txt')"
    ),
    "validated images on purpose": (
        "val_dataloader['dataset'].update(ann_file='val_and_one.txt')\n"
        "custom_hooks.append(\n"
        "    dict(type='DataCheckHook', level='off', allow=['validated']))"
    ),
}


@pytest.mark.parametrize("what", RIGHT)
def test_what_is_right_passes(dry_run, what, tmp_path, capsys):
    dry_run(RIGHT[what], "--dry-run")
    out = capsys.readouterr().out
    assert "Dry run of own" in out
    assert (tmp_path / "work" / "first_batch.png").is_file()
    assert not list((tmp_path / "work").rglob("*.pth"))
    warned = "validated" in what
    assert ("warning: labeled and validation share" in out) == warned


def test_no_dry_run_still_checks(dry_run, tmp_path):
    with pytest.raises(SystemExit, match="labeled and validation share"):
        dry_run(MISTAKES["validated images"][0], "--no-dry-run")
    dry_run("", "--no-dry-run")
    assert not (tmp_path / "work" / "first_batch.png").exists()
    assert (tmp_path / "work").is_dir()


def test_the_dry_run_of_stages_begins_none(run_tool, tmp_path, capsys):
    config, work = write_stages(tmp_path), tmp_path / "work"
    run_tool("train.py", config, "--work-dir", work, "--dry-run")
    out = capsys.readouterr().out
    assert "stage first, 1 of 3" in out
    assert "all objectives on" in out
    assert "stage second" not in out
    assert (work / "first" / "first_batch.png").is_file()
    assert not list(work.rglob("*.pth"))
    # Another config may be trained there.
    rate = "optim_wrapper.segmentor.optimizer.lr=0.01"
    options = ("--dry-run", "--cfg-options", rate)
    run_tool("train.py", config, "--work-dir", work, *options)


def squeezed(text):
    """A text without the line breaks of the screen."""
    return " ".join(text.split())


def warnings_of(dry_run, capsys, changes=""):
    dry_run(changes, "--dry-run")
    return squeezed(capsys.readouterr().out)


def test_crops_larger_than_the_images(dry_run, capsys):
    out = warnings_of(dry_run, capsys, "crop.update(crop_size=(40, 40))")
    assert "source 'labeled': 2 of 2 images looked at are smaller than the crop" in out
    assert "crop of 40x40; the smallest has 24x18 pixels (height x width)" in out
    assert "source 'unlabeled': 4 of 4 images" in out


def test_one_folder_without_exclusion(dry_run, capsys):
    changes = "sources['unlabeled'].update(exclude='val.txt')"
    out = warnings_of(dry_run, capsys, changes)
    assert "labeled and unlabeled share 2 images (of 2 and 6): 0, 1; set exclude" in out
    with pytest.raises(SystemExit, match=r"unlabeled and validation share 2 images"):
        dry_run("sources['unlabeled'].update(exclude=[])")


def test_images_that_lose_bits(dry_run, data, capsys):
    deep = np.full((20, 24), 4000, np.uint16)
    (data / "images" / "2.jpg").unlink()
    Image.fromarray(deep).save(data / "images" / "2.png")
    out = warnings_of(dry_run, capsys)
    assert "source 'unlabeled': 1 of 4 images looked at have 16 bits a channel" in out


@pytest.mark.parametrize("options", [(), ("--no-dry-run",)])
def test_a_training_warns_at_any_level_of_the_log(dry_run, options, capfd):
    changes = "crop.update(crop_size=(40, 40))\nlog_level = 'WARNING'"
    dry_run(changes, *options)
    out = "".join(capfd.readouterr())
    assert "source 'labeled': 2 of 2 images looked at are smaller" in out
    assert "all objectives on" not in out


def test_a_source_without_objectives(dry_run, capfd):
    dry_run("model.update(objectives={})", "--dry-run")
    text = "no objective reads the source 'unlabeled' (4 images, 1 of 2 in a batch"
    assert text in squeezed("".join(capfd.readouterr()))


def mask_of_bits(path, bits):
    """A grey PNG of few bits; Pillow writes only palettes and 1 or 8 bits."""
    rows = b"".join(b"\0" + b"\x1b" * 6 for _ in range(20))
    head = struct.pack(">IIBBBBB", 24, 20, bits, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(kind + body))
        content += struct.pack(">I", len(body)) + kind + body + check
    path.write_bytes(content)


def test_masks_that_are_stretched_or_wrapped(dry_run, data):
    mask_of_bits(data / "masks" / "1.png", 2)
    with pytest.raises(SystemExit, match=r"1\.png: .* grey values of 2 bits, .* 85\)"):
        dry_run("")
    Image.fromarray(np.full((20, 24), 256, np.uint16)).save(data / "masks" / "1.png")
    with pytest.raises(SystemExit, match=r"1\.png: .* values \[256\]; 8 bits are read"):
        dry_run("")


def test_masks_of_0_and_255(dry_run, data, capsys):
    for path in (data / "masks").glob("*.png"):
        mask = np.array(Image.open(path))
        Image.fromarray((mask > 0) * np.uint8(255)).save(path)
    message = (
        "no labelled image shows 'cat' .* 0 and 255 only, .* write 1 in place of 255: "
        "all 2 masks show 'ground' only"
    )
    with pytest.raises(SystemExit, match=message):
        dry_run("")


def test_a_class_that_is_never_seen(dry_run, data, capsys):
    for path in (data / "masks").glob("*.png"):
        mask = np.array(Image.open(path))
        Image.fromarray(mask % 2).save(path)
    out = warnings_of(dry_run, capsys)
    assert "classes 2 of 3 seen in 2 of 2 masks; never: dog" in out
    assert "warning: no labelled image shows 'dog' (class 2)" in out


def test_a_tool_tells_a_mistake_from_a_fault(run_tool, training, monkeypatch, tmp_path):
    def fail(*_):
        raise ValueError("not the user's")

    work = ("--work-dir", tmp_path / "work")
    option = "train_dataloader.dataset.sources.labeled.ann_file=no.txt"
    with pytest.raises(SystemExit, match=r"error: .*no list"):
        run_tool("train.py", training, *work, "--cfg-options", option)
    monkeypatch.setattr("mmengine.runner.Runner.train", fail)
    with pytest.raises(ValueError, match="not the user's"):
        run_tool("train.py", training, *work)
    assert sys.argv[0] == "train.py"
