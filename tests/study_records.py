"""A record of a study, as ``results.json`` has it."""

from __future__ import annotations


def result(method, seed, last, split="m5", best=None, student=None, **changes):
    """The result of a training of a study."""
    best = last if best is None else best
    scores = dict(last=last, best=best, best_at=500, curve={}, classes={"cat": last})
    networks = {"student": scores}
    if student is not None:
        networks = {
            "teacher": scores,
            "student": dict(scores, last=student, best=student),
        }
    return {
        "cell": f"{method}_{split}_seed{seed}",
        "method": method,
        "split": split,
        "masks": 99 if split == "all" else 5,
        "seed": seed,
        "iterations": 2000,
        "predicts": "student" if student is None else "teacher",
        "networks": networks,
        "seconds": 100.0,
        "cpu_seconds": 200.0,
        "memory_mb": 1000,
        "commit": "abc1234",
        "device": "CPU",
        "machine": "2 cores",
        "versions": {"torch": "2.9"},
        **changes,
    }


BASE = (40.0, 42.0, 38.0)
METHOD = (44.0, 45.0, 43.0)
TOP = (50.0, 50.0, 48.0)


def record(**changes):
    """A study with three seeds, a method with a teacher, and all masks."""
    cells = []
    for seed in range(3):
        cells.append(result("supervised", seed, BASE[seed], best=BASE[seed] + 1))
        cells.append(
            result("cutmix", seed, METHOD[seed], student=50.0, cpu_seconds=500.0)
        )
        cells.append(result("supervised", seed, TOP[seed], split="all"))
    return {
        "version": 1,
        "study": "tiny",
        "command": "python tools/study.py tiny.py",
        "baselines": ["supervised"],
        "methods": ["supervised", "cutmix"],
        "splits": ["m5"],
        "seeds": [0, 1, 2],
        "missing": [],
        "notes": [],
        "cells": cells,
        **changes,
    }
