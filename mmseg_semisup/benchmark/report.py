"""The figures of a benchmark as text."""

from __future__ import annotations

from typing import Any

BUSY = 0.9
"""Share of a step in which kernels run, from which on the GPU is the limit."""


def to_text(result: dict[str, Any]) -> str:
    """Lay out the figures of ``tools/benchmark.py``.

    Args:
        result: The figures of the tool.

    Returns:
        Lines of text.
    """
    quarters, processor = result["step_range_ms"], result["processor_ms"]
    lines = [
        f"config              {result['config']}",
        f"device              {result['device']}, {result['threads']} threads, "
        f"torch {result['torch']}, {result['precision']}",
        f"batch               {_shapes(result['batch'])}",
        f"step                {result['step_ms']:9.1f} ms   median of "
        f"{result['repeats']}, middle half {quarters[0]:.1f} to {quarters[1]:.1f}",
        f"floor               {result['floor_ms']:9.1f} ms",
        *(
            f"  {name:<48}{value:9.1f} ms"
            for name, value in result["passes_ms"].items()
        ),
        f"ratio               {result['ratio']:9.3f}",
        f"  in processor time {result['processor_ratio']:9.3f}      "
        f"{processor['step']:.1f} ms / {processor['floor']:.1f} ms",
        *_operations(result),
        f"peak memory         {result['peak_memory_mb']:9.0f} MB",
        f"waits of the host   {_counts(result['waits'])}",
        f"  mmseg's own step  {_counts(result['waits_mmseg'])}",
    ]
    loading = result.get("loading")
    if loading:
        speed = loading["samples_per_second"]
        costs = loading["milliseconds_per_sample"]
        lines += [
            f"loader              {speed['ours']:9.1f} samples/s with "
            f"{loading['workers']} workers; mmseg's own {speed['mmseg']:.1f}",
            f"  mmseg's sample    {costs['mmseg']:9.1f} ms",
        ]
        for name, views in loading["views"].items():
            lines.append(
                f"  {name:<18}{costs[name]:9.1f} ms   {views} view(s), "
                f"{costs[name] / costs['mmseg']:.2f} of mmseg's"
            )
    return "\n".join(lines)


def _operations(result: dict[str, Any]) -> list[str]:
    """Calls of operators; on a GPU, kernels and copies, and what limits the step."""
    step, floor = (result["operations"][name] for name in ("step", "floor"))
    lines = [
        f"calls of operators  {step['calls']:9.0f} a step   floor "
        f"{floor['calls']:.0f}, ratio {result['calls_ratio']:.3f}"
    ]
    if step["launches"]:
        share = step["device_ms"] / result["step_ms"]
        # The device is busy for the whole step if nothing makes it wait.
        limit = "the GPU" if share > BUSY else "the host"
        lines += [
            f"kernels             {step['launches']:9.0f} a step   floor "
            f"{floor['launches']:.0f}; {step['copies']:.0f} copies",
            f"GPU busy            {100 * share:9.0f} %   the limit is {limit}",
        ]
    return lines


def _shapes(batch: dict[str, list[int]]) -> str:
    return ", ".join(f"{k} {'x'.join(map(str, v))}" for k, v in batch.items())


def _counts(waits: dict[str, float]) -> str:
    total = sum(waits.values())
    parts = ", ".join(f"{name} {count:g}" for name, count in sorted(waits.items()))
    return f"{total:9.1f} a step{f'   ({parts})' if parts else ''}"
