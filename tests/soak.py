"""Trains under faults, again and again, and compares each end with an undisturbed one.

    python tests/soak.py --minutes 240 --seed 0

Three trainings of tiny networks, a mean teacher, adversarial training and one in
stages, are killed, told to leave, and disturbed in other ways (``soak_faults.KINDS``),
resumed after each fault, and at last trained to their end. Everything in the last
checkpoints (weights, teacher, optimizers, logged figures) and all pseudo-masks must be
those of a training that nobody disturbed, bit for bit. Faults are drawn from the seed
and the number of the life; ``--life`` repeats one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import soak_faults
import tiny_configs
import torch
from processes import TOOLS, fork
from resume_helpers import assert_same, final, quick, tiny_config
from soak_faults import CODES, DAMAGES, FOLDER, KINDS, Fault, draw
from tiny_training import write_adversarial, write_stages

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.find_checkpoint import list_checkpoints

LONGEST_S = 120
"""Seconds after which a training counts as one that hangs."""
FAULTS = 4
"""Faults in a life, fewer if it ends before."""
STEPS = 12
STAGE_STEPS = 6
STAGES = ("first", "second", "third")
OPTIONS = {
    "train_cfg.val_interval": 3,
    "default_hooks.checkpoint.interval": 2,
    "default_hooks.checkpoint.max_keep_ckpts": 2,
}


class Method(NamedTuple):
    """A training.

    Attributes:
        config: Its file.
        steps: Number of its iterations, in each stage.
        folders: Its checkpoints' folders in the work-dir.
    """

    config: Path
    steps: int
    folders: tuple[str, ...] = ("",)


class SoakError(AssertionError):
    """A training ended as it should not, or elsewhere than without faults."""


class Soak:
    """The trainings, and what happened to them.

    Args:
        folder: For their files.
        seed: Of the faults.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.start = time.monotonic()
        self.methods = write_methods(folder)
        self.references: dict[str, Any] = {}
        self.ends: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
        self.resumes = self.equal = 0

    def run(self, minutes: float, only: int | None = None) -> None:
        """Live and die until the time is over, or live one life."""
        kinds = deck(self.seed)
        for life in range(10**9) if only is None else [only]:
            if only is None and time.monotonic() - self.start > 60 * minutes:
                break
            self.live(life, kinds)

    def reference(self, name: str) -> dict[str, Any]:
        """The result of a training that nothing disturbs."""
        if name not in self.references:
            work = self.folder / f"undisturbed_{name}"
            code, output = self.train(self.methods[name], work, None)
            if code:
                raise SoakError(f"{name} without faults ended with {code}\n{output}")
            self.references[name] = result(self.methods[name], work)
        return self.references[name]

    def live(self, life: int, kinds: Callable[[int], list[str]]) -> None:
        """Train one of the methods through some faults to its end."""
        name = [*self.methods][life % len(self.methods)]
        method, work = self.methods[name], self.folder / f"{life}_{name}"
        pick = random.Random(f"{self.seed} {life}")
        expected = self.reference(name)
        try:
            for kind in kinds(life):
                fault = draw(kind, pick)
                standing = where(method, work)
                code, output = self.train(method, work, fault, pick)
                self.say(f"{life:4} {name:12} {standing:16} {fault}: {describe(code)}")
                self.ends[kind][describe(code)] += 1
                self.resumes += standing != "nothing"
                if not fault.may_end(code, output):
                    raise SoakError(f"{fault} ended with {code}\n{output}")
                if code == 1 or kind == FOLDER:
                    soak_faults.tidy(work, output)
                if code == 0:
                    break
            else:
                standing = where(method, work)
                code, output = self.train(method, work, None)
                self.resumes += standing != "nothing"
                self.say(f"{life:4} {name:12} {standing:16} no fault: {describe(code)}")
                if code:
                    raise SoakError(f"the last start ended with {code}\n{output}")
            assert_same(result(method, work), expected)
        except AssertionError as error:
            raise SoakError(
                f"{error}\nlife {life} of {name}; again: python tests/soak.py "
                f"--seed {self.seed} --life {life}"
            ) from error
        self.equal += 1
        shutil.rmtree(work)

    def train(
        self,
        method: Method,
        work: Path,
        fault: Fault | None,
        pick: random.Random | None = None,
    ) -> tuple[int, str]:
        """Train, or go on; returns exit code and output."""
        if fault is not None and work.is_dir():
            if fault.kind in DAMAGES:
                folder = work / newest_folder(method, work)
                soak_faults.damage(fault.kind, folder, pick)
            soak_faults.shift_times(work, -fault.clock)
        with tempfile.NamedTemporaryFile("r", errors="replace") as log:
            child = fork(lambda: tool(method, work, fault, log.name))
            code = self.watch(child, method, work, fault)
            return code, log.read()

    def watch(self, child: int, method: Method, work: Path, fault: Fault | None) -> int:
        """Wait for the end of a training, and strike where it stops."""
        began, strikes_at = time.monotonic(), None
        while True:
            ended, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            now = time.monotonic()
            if ended and not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            if ended and fault.place == "time" and strikes_at is None:
                strikes_at = now + fault.count
                os.kill(child, signal.SIGCONT)
            elif ended:
                strikes_at = None
                self.strike(child, method, work, fault)
            elif strikes_at is not None and now > strikes_at:
                strikes_at = float("inf")
                os.kill(child, signal.SIGSTOP)
            elif now - began > LONGEST_S:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                raise SoakError(f"hangs for {LONGEST_S} seconds")
            time.sleep(0.005)

    def strike(self, child: int, method: Method, work: Path, fault: Fault) -> None:
        """Do the damage of a fault to a training that stands still."""

        def second() -> None:
            code, output = self.train(method, work, None)
            if code != 1 or "another run is at work" not in output:
                raise SoakError(f"a second training ended with {code}\n{output}")

        soak_faults.strike(fault, child, lambda: children(child), second)

    def say(self, text: str) -> None:
        """Print a line of the log."""
        print(f"{time.monotonic() - self.start:7.1f} s {text}", flush=True)

    def summary(self) -> str:
        """A table of the faults and how trainings ended after them."""
        columns = sorted({end for ends in self.ends.values() for end in ends})
        counts = [
            [ends.total(), *(ends[column] for column in columns)]
            for ends in self.ends.values()
        ]
        rows = [["fault", "times", *columns]]
        rows += [[k, *map(str, c)] for k, c in zip(self.ends, counts, strict=True)]
        rows.append(["all", *(str(sum(c)) for c in zip(*counts, strict=True))])
        lines = [
            f"{row[0]:20}" + "".join(f"{cell:>14}" for cell in row[1:]) for row in rows
        ]
        minutes = (time.monotonic() - self.start) / 60
        lines.append(
            f"{self.equal} trainings, {sum(c[0] for c in counts)} faults and "
            f"{self.resumes} resumes in {minutes:.1f} minutes: all ends equal"
        )
        return "\n".join(lines)


def deck(seed: int) -> Callable[[int], list[str]]:
    """Gives the kinds of faults of each life; all kinds come equally often."""

    def kind(number: int) -> str:
        turn, place = divmod(number, len(KINDS))
        return random.Random(f"{seed} turn {turn}").sample(KINDS, len(KINDS))[place]

    def of_life(life: int) -> list[str]:
        found = [kind(life * FAULTS + index) for index in range(FAULTS)]
        # There must be a checkpoint to damage; after the last kind, training ends.
        return sorted(found, key=lambda k: (k == "second training", k in DAMAGES))

    return of_life


def write_methods(folder: Path) -> dict[str, Method]:
    """The configs of the trainings, with their images."""
    images = folder / "images"
    images.mkdir(parents=True)
    cfg = tiny_config("mean_teacher", tiny_configs.write_images(images), folder)
    cfg.merge_from_dict({**OPTIONS, "train_cfg.max_iters": STEPS})
    for key in ("experiment_name", "work_dir"):
        cfg.pop(key)
    # The same few images serve as all kinds.
    check = dict(type="DataCheckHook", allow=["overlap", "validated"])
    cfg.custom_hooks.append(check)
    cfg.test_dataloader = cfg.val_dataloader
    config = folder / "mean_teacher.py"
    cfg.dump(config)
    adversarial, stages = folder / "adversarial", folder / "stages"
    for own in (adversarial, stages):
        own.mkdir()
    return {
        "mean_teacher": Method(config, STEPS),
        "adversarial": Method(write_adversarial(adversarial), STEPS),
        "stages": Method(write_stages(stages), STAGE_STEPS, STAGES),
    }


def tool(method: Method, work: Path, fault: Fault | None, log: str) -> None:
    """What the process of a training does: ``tools/train.py`` with ``--resume``."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    sys.stdout = sys.stderr = os.fdopen(descriptor, "a", buffering=1)
    torch.set_num_threads(1)
    quick()
    spec = importlib.util.spec_from_file_location("train", TOOLS / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    workers = fault.workers if fault else 0
    loaders = ("train_dataloader", "val_dataloader")
    options = [f"{loader}.num_workers={workers}" for loader in loaders]
    options += [f"{key}={value}" for key, value in OPTIONS.items()]
    options.append(f"train_cfg.max_iters={method.steps}")
    sys.argv = ["train.py", str(method.config), "--work-dir", str(work)]
    sys.argv += ["--no-dry-run", "--resume", "--cfg-options", *options]

    def main() -> None:
        soak_faults.prepare(fault)
        module.main()

    try:
        run_tool(main)
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code)
        raise
    except KeyboardInterrupt:
        sys.exit(CODES[signal.SIGINT])


def children(process: int) -> list[int]:
    """The numbers of the processes that a process has started."""
    return [
        *map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())
    ]


def newest_folder(method: Method, work: Path) -> str:
    """The folder of the last stage that has begun to write checkpoints."""
    begun = [f for f in method.folders if list_checkpoints(work / f)]
    return begun[-1] if begun else method.folders[0]


def where(method: Method, work: Path) -> str:
    """What a start would resume."""
    folder = newest_folder(method, work)
    newest = next(iter(list_checkpoints(work / folder)), None)
    return f"{folder} {newest.stem}".strip() if newest else "nothing"


def result(method: Method, work: Path) -> dict[str, Any]:
    """Everything that a training has made, without times and paths."""
    states = {f: final(work / f, method.steps) for f in method.folders}
    masks = {
        path.relative_to(work).as_posix(): path.read_bytes()
        for path in sorted(work.rglob("pseudo_masks/masks/*.png"))
    }
    return {"states": states, "masks": masks}


def describe(code: int) -> str:
    """A name for an exit code."""
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


def main(arguments: list[str] | None = None) -> int:
    """Run the script; returns its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--life", type=int, help="repeat the faults of this life only")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder), args.seed)
        try:
            soak.run(args.minutes, args.life)
        except SoakError as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
        print(soak.summary())
    return 0


if __name__ == "__main__":
    sys.exit(main())
