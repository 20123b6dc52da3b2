"""Code in the documents runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
import yaml
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from plain_configs import plain_config
from torch import Tensor

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.composition import compose, method_names, read_config
from mmseg_semisup.models import training_facts
from mmseg_semisup.stages.plan import split_stages

ROOT = Path(__file__).parents[1]


def blocks(path: str, language: str) -> list[str]:
    """Fenced blocks of a document, without the indentation of a list."""
    text = (ROOT / path).read_text(encoding="utf-8")
    pattern = rf"^( *)```{language}\n(.*?)^\1```"
    found = re.findall(pattern, text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{indent}", "", body, flags=re.M) for indent, body in found]


def one_step(cfg: Config) -> dict[str, Tensor]:
    """Build the model and the optimizers of a config, and train a step."""
    model = MODELS.build(cfg.model).train()
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    views = tuple(name for name in model.required_views if name != "labeled")
    data = model.data_preprocessor(batch(size=64, views=views), True)
    losses = model(**data, mode="loss")
    wrapper.update_params(model.parse_losses(losses)[0])
    return losses


@pytest.fixture
def entropy_block(tmp_path):
    """The block of the method in docs/architecture.md, with its objective."""
    code, block = blocks("docs/architecture.md", "python")
    package = "mmseg_semisup.models.objectives"
    names = {"__name__": f"{package}.entropy", "__package__": package}
    exec(compile(code, "architecture.md", "exec"), names)
    path = tmp_path / "entropy.py"
    path.write_text(block, encoding="utf-8")
    yield path
    MODELS.module_dict.pop("EntropyObjective")


def test_the_objective_in_three_files_is_the_entropy(entropy_block):
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "objectives": [{"type": "EntropyObjective", "weight": 1.0}],
            "data_preprocessor": PREPROCESSOR,
        }
    ).train()
    with torch.no_grad():
        model.segmentor.decode_head.conv_seg.weight.zero_()
        model.segmentor.decode_head.conv_seg.bias.zero_()
    losses = model(**model.data_preprocessor(batch(), True), mode="loss")
    uniform = torch.log(torch.tensor(4.0))
    torch.testing.assert_close(losses["entropy.loss"], uniform)
    assert "unlabeled" in model.required_views


def test_the_block_in_three_files_trains_a_users_config(entropy_block):
    plain = plain_config(**{"model.decode_head.num_classes": 4})
    cfg = compose(plain, str(entropy_block), ["photos"])
    assert one_step(cfg)["entropy.loss"] > 0


def test_the_config_of_the_readme_works_on_a_users_own(tmp_path):
    (code,) = blocks("README.md", "python")
    plain_config(**{"model.decode_head.num_classes": 4}).dump(tmp_path / "my_config.py")
    (tmp_path / "my_training.py").write_text(code, encoding="utf-8")
    cfg = load_config(tmp_path / "my_training.py")
    assert cfg.train_dataloader.dataset.sources.labeled.type == "FolderDataset"
    assert (
        cfg.optim_wrapper.segmentor.optimizer.lr
        == plain_config()["optim_wrapper"]["optimizer"]["lr"]
    )
    assert "consistency.loss" in one_step(cfg)


def examples() -> list[str]:
    return blocks("docs/composition.md", "python")


@pytest.mark.parametrize("code", examples(), ids=range(len(examples())))
def test_the_examples_of_the_composition_train(tmp_path, monkeypatch, code):
    plain_config(**{"model.decode_head.num_classes": 4}).dump(tmp_path / "my_config.py")
    (tmp_path / "my_training.py").write_text(code, encoding="utf-8")
    cfg = load_config(tmp_path / "my_training.py")
    monkeypatch.setattr(training_facts, "total_iterations", lambda: 100)
    losses = one_step(cfg)
    assert {f"{name}.loss" for name in cfg.model.objectives} & set(losses)


STAGED = [b for b in blocks("docs/stages.md", "python") if b.startswith("_base_")]


@pytest.mark.parametrize(
    ("code", "shares"),
    zip(STAGED, [(1, None, 1, 1), (0.25, 0.25, 0.5)], strict=True),
    ids=["longer", "shares"],
)
def test_the_examples_of_stages_have_their_lengths(tmp_path, code, shares):
    plain_config(unlabeled=["photos"], **{"train_cfg.max_iters": 1000}).dump(
        tmp_path / "my_config.py"
    )
    (tmp_path / "my_training.py").write_text(code, encoding="utf-8")
    stages = split_stages(read_config(tmp_path / "my_training.py")[0])
    lengths = [stage.cfg.train_cfg.max_iters for stage in stages]
    expected = [20000 if share is None else share * 1000 for share in shares]
    assert lengths == expected


@pytest.mark.parametrize("page", ["README.md", "docs/which_method.md"])
def test_a_page_has_a_row_for_every_method(page):
    rows = re.findall(r"^\|[^|]*\|", (ROOT / page).read_text("utf-8"), flags=re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(method_names()) - named == set()


OWN = [
    path
    for pattern in ("*.md", "docs/**/*.md", "configs/**/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
]


@pytest.mark.parametrize("document", OWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target and not target.startswith("mailto:"):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


FORMS = sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"))


@pytest.mark.parametrize(
    "form", [f for f in FORMS if f.name != "config.yml"], ids=lambda path: path.stem
)
def test_github_accepts_the_issue_forms(form):
    content = yaml.safe_load(form.read_text(encoding="utf-8"))
    assert content["name"]
    assert content["description"]
    identifiers = [e["id"] for e in content["body"] if e["type"] != "markdown"]
    assert identifiers
    assert len(set(identifiers)) == len(identifiers)
    for element in content["body"]:
        attributes = element["attributes"]
        if element["type"] == "markdown":
            assert attributes["value"]
            continue
        assert element["type"] in ("input", "textarea", "dropdown", "checkboxes")
        assert attributes["label"]
        assert ("options" in attributes) == (element["type"] == "dropdown")


EXAMPLE = ("entropy",)
"""What docs/architecture.md adds to show how."""


@pytest.mark.parametrize("document", OWN, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(document):
    text = document.read_text(encoding="utf-8")
    folders = "configs|docs|mmseg_semisup|tests|tools"
    named = re.findall(rf"`((?:{folders})/[\w/.-]+\.\w+)", text)
    named = [name for name in named if not any(word in name for word in EXAMPLE)]
    assert [name for name in named if not (ROOT / name).exists()] == []
