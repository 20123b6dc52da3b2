"""Write docs/reference/: ``python tests/reference_pages.py``."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import griffe
from mmengine import registry as shared
from mmseg import registry as own

from mmseg_semisup.composition import method_names
from mmseg_semisup.composition.blocks import PARTS
from mmseg_semisup.models import Teacher, losses
from mmseg_semisup.models.classifiers.consistency import LabelConsistency
from mmseg_semisup.models.heads.projector import Projector

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mmseg_semisup"
FOLDER = ROOT / "docs" / "reference"
COMMAND = "python tests/reference_pages.py"


class Page(NamedTuple):
    """A page, and the modules whose parts it lists.

    Attributes:
        name: Name of the file.
        title: Heading.
        introduction: Text below it.
        modules: Beginnings of the names of modules, below the package.
        registries: Names of the registries; None: any.
    """

    name: str
    title: str
    introduction: str
    modules: Sequence[str]
    registries: Sequence[str] | None = None


PAGES = (
    Page(
        "objectives",
        "Objectives",
        "The losses of unlabelled images: `model.objectives`, name to config. A *time* "
        "is a number of iterations, or, as a float below 1, a share of the training.",
        ["models.objectives"],
    ),
    Page(
        "policies",
        "Policies of an objective",
        "Objectives take them as configs: `labels_from` (`labels.py`), `select` "
        "(also `adaptive_threshold.py`, `class_weights.py`), `mix` (also "
        "`adaptive_cut_mix.py`, `class_mix.py`, `cut_out.py`, `mixup.py`), `loss` "
        "(`pixel_loss.py`) and `perturb`.",
        ["models.policies"],
    ),
    Page(
        "networks",
        "Models and their networks",
        "What `model` may be, and the networks beside the student: `model.teacher` "
        "takes the arguments of `Teacher`, `model.networks` the others, by name.",
        [
            "models.classifiers",
            "models.data_preprocessor",
            "models.fused_segmentor",
            "models.segmentors",
            "models.teacher",
        ],
    ),
    Page(
        "losses",
        "Losses",
        "`PixelCrossEntropy` is a loss for configs; the others are functions of "
        "tensors, of which the objectives consist.",
        ["models.losses"],
    ),
    Page(
        "parts",
        "Discriminators, heads and backbones",
        "Networks that objectives train, and parts of segmentors that MMSegmentation "
        "lacks.",
        ["models.backbones", "models.discriminators", "models.heads"],
    ),
    Page(
        "transforms",
        "Views and transforms",
        "Steps of a source's `pipeline`. The order and the geometry of views: "
        "[architecture](../architecture.md).",
        ["datasets"],
        ["transform"],
    ),
    Page(
        "datasets",
        "Data sets, sampler and batches",
        "`train_dataloader.dataset`, its sources, `sampler` and `collate_fn`; "
        "[data](../data.md) describes lists and folders.",
        ["datasets"],
    ),
    Page(
        "hooks",
        "Hooks",
        "Entries of `custom_hooks`, and replacements of MMEngine's in `default_hooks`.",
        ["engine", "visualization"],
        ["hook"],
    ),
    Page(
        "training",
        "Optimizers, loops and metrics",
        "`optim_wrapper`, `val_cfg`, `test_cfg`, the evaluators, `log_processor` and "
        "`visualizer`.",
        ["engine", "evaluation", "visualization"],
    ),
)
TAKEN_FROM = {
    "dataset": "the dataloader's",
    "network": "the segmentor",
    "student": "the segmentor",
    "student_cfg": "the segmentor's",
}
"""Required arguments of these names are never in a config."""
GIVEN = ("Average", "Peer", "Snapshot", "SourceSampler", "Teacher")


UNREGISTERED = (
    Teacher,
    LabelConsistency,
    Projector,
    *(getattr(losses, name) for name in losses.__all__),
)
"""Parts without a type in configs: arguments of others, and functions."""


class Argument(NamedTuple):
    """A row of a table.

    Attributes:
        name: Name, with stars as in the signature.
        type: Type, in the words of the signature.
        default: Default value, or its origin.
        meaning: Description; empty if the docstring has none.
    """

    name: str
    type: str
    default: str
    meaning: str


def registered() -> dict[Any, str]:
    """Every part of the project that a config can name, to the name of its registry."""
    found = {}
    values = [*vars(shared).values(), *vars(own).values()]
    for registry in (value for value in values if isinstance(value, shared.Registry)):
        for part in registry.module_dict.values():
            if part.__module__.split(".")[0] == PACKAGE:
                found[part] = registry.name
    return found


def parts_of(page: Page) -> list[Any]:
    """The parts that a page lists: classes before functions, by module."""
    everything = {**dict.fromkeys(UNREGISTERED, ""), **registered()}
    listed = [p for p, registry in everything.items() if page_of(p, registry) == page]
    return sorted(
        listed, key=lambda p: (inspect.isfunction(p), p.__module__, p.__name__)
    )


def page_of(part: Any, registry: str) -> Page:
    """The page that lists a part of a registry.

    Raises:
        LookupError: If there is none; PAGES needs its module then.
    """
    module = part.__module__.removeprefix(f"{PACKAGE}.")
    for page in PAGES:
        listed = any(f"{module}.".startswith(f"{begin}.") for begin in page.modules)
        if listed and (page.registries is None or registry in page.registries):
            return page
    raise LookupError(f"no page lists {part.__name__} of {module}")


def arguments_of(part: Any) -> list[Argument]:
    """The arguments of a part: those of a config, or of a function."""
    if inspect.isclass(part) and not initialiser(part).__module__.startswith(PACKAGE):
        return []
    parameters = list(inspect.signature(part).parameters.values())
    meanings = described(part)
    stars = {inspect.Parameter.VAR_KEYWORD: "**", inspect.Parameter.VAR_POSITIONAL: "*"}
    return [
        Argument(
            stars.get(parameter.kind, "") + parameter.name,
            wording(parameter.annotation),
            default_of(part, parameter),
            meanings.get(parameter.name, ""),
        )
        for parameter in parameters
    ]


def initialiser(part: Any) -> type:
    """The class whose ``__init__`` a class has."""
    return next(cls for cls in part.__mro__ if "__init__" in vars(cls))


def described(part: Any) -> dict[str, str]:
    """Descriptions of arguments: of the class that has the ``__init__``, and below."""
    meanings: dict[str, str] = {}
    # MMEngine's classes are described in its own documentation.
    for cls in part.__mro__ if inspect.isclass(part) else [part]:
        own = cls.__module__.startswith(PACKAGE)
        for section in sections(cls) if own else ():
            if section.kind is griffe.DocstringSectionKind.parameters:
                for entry in section.value:
                    text = " ".join(entry.description.split())
                    meanings.setdefault(entry.name.lstrip("*"), text)
        if "__init__" in vars(cls):
            break
    return meanings


def sections(part: Any) -> list[Any]:
    """The sections of a docstring in Google's style."""
    text = inspect.cleandoc(part.__doc__ or "")
    return griffe.Docstring(text).parse("google", warnings=False)


def default_of(part: Any, parameter: inspect.Parameter) -> str:
    """The default of an argument, or where its value comes from."""
    if parameter.name in getattr(part, "takes", {}):
        return "the segmentor's"
    if inspect.isfunction(parameter.default):
        return "a function"
    if parameter.default is not inspect.Parameter.empty:
        return f"`{parameter.default!r}`"
    if parameter.kind in (
        inspect.Parameter.VAR_KEYWORD,
        inspect.Parameter.VAR_POSITIONAL,
    ):
        return ""
    if part.__name__ in GIVEN and parameter.name in TAKEN_FROM:
        return TAKEN_FROM[parameter.name]
    return "required"


def wording(annotation: Any) -> str:
    """A type, its alternatives joined by a word: ``|`` separates cells of a table."""
    if annotation is inspect.Parameter.empty:
        return ""
    name = annotation if isinstance(annotation, str) else annotation.__name__
    parts, depth = [""], 0
    for character in name:
        depth += (character == "[") - (character == "]")
        if character == "|" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return " or ".join(f"`{part.strip().replace(' | ', ' or ')}`" for part in parts)


def markdown(text: str) -> str:
    """Text of a docstring as Markdown."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"``\1``", text)
    pieces = re.split(r"(``.+?``)", text, flags=re.DOTALL)
    for index, piece in enumerate(pieces):
        if piece.startswith("``"):
            pieces[index] = piece[1:-1]
        else:
            escaped = piece.replace("*", r"\*").replace("<", "&lt;")
            pieces[index] = escaped.replace("|", "&#124;")
    return "".join(pieces)


def paragraphs(text: str) -> Iterator[str]:
    """The paragraphs of a docstring's text as Markdown; literal blocks become code."""
    is_code = False
    for block in re.split(r"\n\s*\n", text.strip()):
        if is_code or block.startswith(">>> "):
            yield fenced(inspect.cleandoc(block))
            is_code = False
            continue
        is_code = block.endswith("::")
        yield markdown(block.removesuffix(":") if is_code else block)


def entry(part: Any) -> Iterator[str]:
    """The paragraphs of a part's entry."""
    yield f"## {part.__name__}"
    kinds = griffe.DocstringSectionKind
    found = sections(part)
    for section in found:
        if section.kind is kinds.text:
            yield from paragraphs(section.value)
    yield table(part)
    for section in found:
        if section.kind is kinds.returns:
            for value in section.value:
                yield f"Returns: {markdown(' '.join(value.description.split()))}"
        if section.kind is kinds.raises:
            for error in section.value:
                text = markdown(" ".join(error.description.split()))
                yield f"Raises `{error.annotation}` {text[:1].lower()}{text[1:]}"
    module = sys.modules[part.__module__]
    yield from list(paragraphs(inspect.cleandoc(module.__doc__ or "")))[1:]
    path = Path(module.__file__).resolve().relative_to(ROOT).as_posix()
    yield f"[`{path}`](../../{path})"


def table(part: Any) -> str:
    """The table of a part's arguments, or a sentence if it has none of its own."""
    rows = arguments_of(part)
    if not rows:
        owner = object if inspect.isfunction(part) else initialiser(part)
        if owner is object or owner.__module__.startswith(PACKAGE):
            return "It has no arguments."
        return f"Its arguments are those of `{owner.__module__}.{owner.__name__}`."
    lines = ["| argument | type | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        meaning = markdown(row.meaning)
        lines.append(f"| `{row.name}` | {row.type} | {row.default} | {meaning} |")
    return "\n".join(lines)


def summary(part: Any) -> str:
    """The first sentence of a part's docstring."""
    return markdown(inspect.cleandoc(part.__doc__).partition("\n")[0])


def methods_page() -> str:
    """The page of the methods' blocks."""
    parts = [f"| `{name}` | {meaning} |" for name, meaning in PARTS.items()]
    blocks = [
        "# Methods",
        "`method = NAME` in a config, or `--method NAME`, adds the block of this name "
        "to a plain config; a list of names adds several. "
        "`method = dict(base=NAME, ...)` changes parts of a block by merging.",
        "\n".join(["| part of a block | meaning |", "|---|---|", *parts]),
    ]
    for name in method_names():
        path = ROOT / "configs" / "_base_" / "methods" / f"{name}.py"
        lines = path.read_text(encoding="utf-8").strip().split("\n")
        count = next(i for i, line in enumerate(lines) if not line.startswith("#"))
        comment = " ".join(line.removeprefix("#").strip() for line in lines[:count])
        code = "\n".join(lines[count:]).strip()
        blocks += [f"## {name}", markdown(comment), fenced(code)]
    return "\n\n".join([*blocks, footer()]) + "\n"


def fenced(code: str) -> str:
    """A block of Python."""
    return f"```python\n{code}\n```"


def pages() -> dict[str, str]:
    """Name of each file below docs/reference to its text."""
    index = [
        "# Reference",
        "Every part that a config can name, with its arguments and their defaults. "
        "Values called *the segmentor's* are handed down by it, and need not be in a "
        "config. A *time* is a number of iterations, or, as a float below 1, a share "
        "of the training.",
    ]
    index.append("Whole methods: [the blocks of `configs/_base_/methods`](methods.md).")
    texts = {"methods.md": methods_page()}
    for page in PAGES:
        parts = parts_of(page)
        blocks = [f"# {page.title}", page.introduction]
        for part in parts:
            blocks += entry(part)
        texts[f"{page.name}.md"] = "\n\n".join([*blocks, footer()]) + "\n"
        links = [
            f"- [{part.__name__}]({page.name}.md#{part.__name__.lower()}): "
            f"{summary(part)}"
            for part in parts
        ]
        index += [f"## [{page.title}]({page.name}.md)", "\n".join(links)]
    texts["index.md"] = "\n\n".join([*index, footer()]) + "\n"
    return texts


def footer() -> str:
    """The last line of each page."""
    return f"`{COMMAND}` writes this page from the docstrings."


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = pages()
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for path in FOLDER.glob("*.md"):
        if path.name not in written:
            path.unlink()
