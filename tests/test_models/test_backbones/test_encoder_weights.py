import pickle

import pytest
import torch
from tiny_encoders import DINOV2

from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.models.backbones.encoder_weights import (
    encoder_config,
    find_file,
    read_state,
    without_prefix,
)

pytest.importorskip("transformers")


def test_the_average_of_a_training_file_is_preferred(tmp_path):
    one, other = {"a": torch.zeros(1)}, {"a": torch.ones(1)}
    torch.save({"model": one, "model_ema": other, "epoch": 3}, tmp_path / "both.pth")
    assert read_state(tmp_path / "both.pth")["a"] == 1


def test_prefixes_of_trainings_are_removed():
    state = {"module.backbone.a": 1, "module.head.b": 2}
    assert without_prefix(state) == {"a": 1}
    assert without_prefix({"backbone.a": 1, "decode_head.b": 2}) == {"a": 1}
    assert without_prefix({"a": 1, "b": 2}) == {"a": 1, "b": 2}


class Harmful:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_file_cannot_execute_code(tmp_path, capsys):
    with (tmp_path / "harmful.pth").open("wb") as file:
        pickle.dump({"model": Harmful()}, file)
    with pytest.raises(CheckpointError):
        read_state(tmp_path / "harmful.pth")
    assert "executed" not in capsys.readouterr().out


def test_a_folder_without_the_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"the folder .* has no config\.json"):
        find_file(str(tmp_path), "config.json", False, "arch")
    with pytest.raises(ValueError, match="weights='no such': there is no such file"):
        find_file("no such", "model.safetensors", False, "weights")


def test_a_configuration_executes_no_code_of_its_folder(tmp_path):
    config = {**DINOV2, "auto_map": {"AutoConfig": "harmful.Config"}}
    assert type(encoder_config(config, False)).__name__ == "Dinov2Config"


def test_timm_models_have_a_backbone_of_mmseg():
    with pytest.raises(ValueError, match="model_type='timm_backbone' gives no feature"):
        encoder_config({"model_type": "timm_backbone"}, False)
