import pytest
import torch
from tiny_encoders import DINOV2, original_state
from torch import nn

from mmseg_semisup.models.backbones import TransformersBackbone
from mmseg_semisup.models.backbones.dinov2_names import from_original, to_original

pytest.importorskip("transformers")
load_file = pytest.importorskip("safetensors.torch").load_file


def states(tmp_path, swiglu):
    """An original file, and the state of an encoder that has loaded it."""
    original = original_state(16, 4, 25, 24 if swiglu else 32, swiglu=swiglu)
    torch.save({"model": original}, tmp_path / "original.pth")
    net = TransformersBackbone(
        {**DINOV2, "use_swiglu_ffn": swiglu, "use_mask_token": True},
        weights=str(tmp_path / "original.pth"),
    )
    net.init_weights()
    return original, net.encoder.state_dict()


def equal(one, other):
    return set(one) == set(other) and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("swiglu", [False, True])
def test_there_and_back_is_the_same(tmp_path, swiglu):
    original, own = states(tmp_path, swiglu)
    assert len(own) > len(original)
    assert equal(to_original(own), original)
    assert equal(from_original(original, own), own)


def test_own_names_go_there_and_back(tmp_path):
    _, own = states(tmp_path, swiglu=False)
    torch.save(to_original(own), tmp_path / "again.pth")
    net = TransformersBackbone(DINOV2, weights=str(tmp_path / "again.pth"))
    net.init_weights()
    del own["embeddings.mask_token"]
    assert equal(net.encoder.state_dict(), own)


@pytest.mark.parametrize("swiglu", [False, True])
def test_names_of_published_files_are_known(tmp_path, swiglu):
    original, own = states(tmp_path, swiglu)
    arch = {**DINOV2, "use_swiglu_ffn": swiglu, "use_mask_token": True}
    net = TransformersBackbone(arch)
    net.encoder.load_state_dict(own)
    net.encoder.save_pretrained(tmp_path)
    published = load_file(tmp_path / "model.safetensors")
    assert set(published) != set(own)
    assert equal(to_original(published), original)


@pytest.mark.parametrize("kind", ["original", "published"])
def test_a_checkpoint_with_other_names_loads(tmp_path, kind):
    original, own = states(tmp_path, swiglu=False)
    net = TransformersBackbone(DINOV2)
    net.encoder.load_state_dict({k: v for k, v in own.items() if "mask" not in k})
    net.encoder.save_pretrained(tmp_path)
    published = load_file(tmp_path / "model.safetensors")
    names = {
        "original": {f"backbone.{k}": v for k, v in original.items()},
        "published": {f"backbone.encoder.{k}": v for k, v in published.items()},
    }
    other = nn.ModuleDict({"backbone": TransformersBackbone(DINOV2)})
    other.load_state_dict(names[kind])
    assert equal(other["backbone"].encoder.state_dict(), net.encoder.state_dict())


def test_an_incomplete_checkpoint_is_noticed():
    other = TransformersBackbone(DINOV2)
    state = other.state_dict()
    del state["encoder.layernorm.weight"]
    with pytest.raises(RuntimeError, match=r"Missing.*encoder\.layernorm\.weight"):
        other.load_state_dict(state)


def test_the_rows_of_qkv_are_query_key_value():
    original = original_state(16, 1, 25, 32)
    names = [f"encoder.layer.0.attention.{n}_proj.weight" for n in "qkv"]
    rows = from_original(original, names)
    qkv = original["blocks.0.attn.qkv.weight"]
    for i, name in enumerate(names):
        assert torch.equal(rows[name], qkv[16 * i : 16 * (i + 1)])


def test_blocks_of_a_chunked_file_keep_their_numbers():
    original = original_state(16, 2, 25, 32)
    names = list(
        TransformersBackbone({**DINOV2, "num_hidden_layers": 2}).encoder.state_dict()
    )
    chunked = {k.replace("blocks.", "blocks.0."): v for k, v in original.items()}
    assert equal(from_original(chunked, names), from_original(original, names))


def test_unknown_names_are_refused():
    for name in ("classifier.weight", "encoder.layer.0.other.weight"):
        with pytest.raises(ValueError, match=f"'{name}' is no parameter of DINOv2"):
            to_original({name: torch.zeros(1)})
