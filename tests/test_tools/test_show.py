from __future__ import annotations

import sys
from unittest.mock import MagicMock

import pytest


def test_the_page_is_served_to_this_machine_only(
    run_tool, config, checkpoint, monkeypatch
):
    gr = MagicMock()
    monkeypatch.setitem(sys.modules, "gradio", gr)
    run_tool("show.py", config, checkpoint, "--port", 9000)
    page = gr.Blocks.return_value.__enter__.return_value
    page.launch.assert_called_once_with(
        server_name="127.0.0.1", server_port=9000, share=False
    )
    assert gr.Blocks.call_args.kwargs == {"title": "tiny"}
    names = ["student", "teacher", "mean of all"]
    assert gr.Dropdown.call_args.args == (names,)


def test_without_gradio(run_tool, config, checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(SystemExit, match="gradio, which is not installed"):
        run_tool("show.py", config, checkpoint)
