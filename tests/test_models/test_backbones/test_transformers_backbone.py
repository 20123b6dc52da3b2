import copy
import sys

import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmseg.registry import MODELS
from tiny_encoders import (
    ALL,
    CONVNEXT,
    DINOV2,
    DINOV3,
    REGISTERS,
    encode_by_definition,
    original_state,
)

from mmseg_semisup.models.backbones import TransformersBackbone
from mmseg_semisup.models.teacher import Teacher

transformers = pytest.importorskip("transformers")


def backbone(arch=DINOV2, **arguments):
    torch.manual_seed(0)
    return TransformersBackbone(arch, **arguments)


def images(height=42, width=56, count=2):
    return torch.rand(count, 3, height, width, generator=torch.Generator())


@pytest.mark.parametrize("swiglu", [False, True])
@pytest.mark.parametrize("size", [(70, 70), (42, 98)])
def test_original_files_give_the_maps_of_their_definition(tmp_path, size, swiglu):
    arch = {**DINOV2, "use_swiglu_ffn": swiglu}
    hidden = 24 if swiglu else 32
    state = original_state(16, 4, 25, hidden, swiglu=swiglu)
    torch.save(state, tmp_path / "dinov2.pth")
    net = backbone(arch, weights=str(tmp_path / "dinov2.pth"), out_indices=(0, 1, 3))
    net.init_weights()
    x = images(*size)
    expected = encode_by_definition(state, x, heads=2, outputs=(0, 1, 3))
    for own, other in zip(net(x), expected, strict=True):
        torch.testing.assert_close(own, other, atol=2e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["dinov2", "registers", "dinov3", "convnext"])
def test_maps_are_those_of_the_library(name):
    net = backbone(ALL[name], position_offset=0).eval()
    config = copy.deepcopy(net.encoder.config)
    plain = transformers.AutoBackbone.from_config(config).eval()
    plain.load_state_dict(net.encoder.state_dict())
    x = images(64, 96) if name == "dinov3" else images(42, 56)
    for own, other in zip(net(x), plain(x).feature_maps, strict=True):
        torch.testing.assert_close(own, other)


def test_every_level_is_normalised_and_has_no_class_token_and_registers():
    for arch, patch in ((DINOV2, 14), (REGISTERS, 14), (DINOV3, 16)):
        maps = backbone(arch).eval()(images(2 * patch, 3 * patch))
        assert [tuple(m.shape) for m in maps] == [(2, 16, 2, 3)] * 4
        for level in maps:
            torch.testing.assert_close(
                level.mean(1), torch.zeros(2, 2, 3), atol=1e-5, rtol=0
            )


def test_outputs_of_stages_have_their_own_sizes():
    net = backbone(CONVNEXT)
    assert net.out_channels == (4, 8, 12, 16)
    sizes = [tuple(m.shape[1:]) for m in net(images(64, 32))]
    assert sizes == [(4, 16, 8), (8, 8, 4), (12, 4, 2), (16, 2, 1)]


@pytest.mark.parametrize(
    ("arch", "outputs", "millions"),
    [
        ("dinov2-small", (2, 5, 8, 11), 22.06),
        ("dinov2-base", (2, 5, 8, 11), 86.58),
        ("dinov3-vits16", (2, 5, 8, 11), 21.6),
        ("dinov3-convnext-tiny", (0, 1, 2, 3), 27.8),
    ],
)
def test_published_encoders_have_their_size(arch, outputs, millions):
    with torch.device("meta"):
        net = TransformersBackbone(arch)
    assert net.out_indices == outputs
    count = sum(p.numel() for p in net.parameters()) / 1e6
    assert count == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize("size", ["large", "giant"])
def test_large_encoders_give_the_levels_of_dpt(size):
    with torch.device("meta"):
        net = TransformersBackbone(f"dinov2-{size}")
    levels = {"large": (4, 11, 17, 23), "giant": (9, 19, 29, 39)}
    assert net.out_indices == levels[size]
    assert net.out_channels == ({"large": 1024, "giant": 1536}[size],) * 4


def saved(tmp_path, arch=DINOV2):
    """A folder as transformers saves a whole model, not only a backbone."""
    config = backbone(arch).encoder.config
    kind = {"dinov2": "Dinov2Model", "dinov3_vit": "DINOv3ViTModel"}[arch["model_type"]]
    torch.manual_seed(5)
    getattr(transformers, kind)(config).save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arch", [DINOV2, DINOV3])
def test_a_folder_gives_configuration_and_weights(tmp_path, arch):
    folder = str(saved(tmp_path, arch))
    net = backbone(folder, weights=folder, out_indices=(1, 3))
    net.init_weights()
    net.eval()
    x = images(70, 70) if arch is DINOV2 else images(64, 64)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokens = model(x).last_hidden_state
    skip = 1 + arch.get("num_register_tokens", 0)
    last = net(x)[-1]
    torch.testing.assert_close(last.flatten(2).transpose(1, 2), tokens[:, skip:])


def test_a_file_of_safetensors_is_read(tmp_path):
    folder = saved(tmp_path)
    one = backbone(weights=str(folder / "model.safetensors"))
    other = backbone(str(folder), weights=str(folder))
    for net in (one, other):
        net.init_weights()
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)


def segmentor(**arguments):
    cfg = tiny_segmentor(in_channels=16, in_index=3)
    arch = arguments.pop("arch", DINOV2)
    cfg["backbone"] = dict(type="TransformersBackbone", arch=arch, **arguments)
    return cfg


def semi_segmentor(**arguments):
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type="SemiSegmentor",
            data_preprocessor=PREPROCESSOR,
            segmentor=segmentor(**arguments),
            teacher=dict(momentum=0.99),
        )
    )


def test_init_weights_does_not_draw_an_encoder_again():
    for _ in range(2):
        model = semi_segmentor()
        student = model.segmentor.backbone
        before = copy.deepcopy(student.state_dict())
        model.init_weights()
        networks = (student, model.teacher.network.backbone)
        for network in networks:
            for name, value in network.state_dict().items():
                assert torch.equal(value, before[name]), name


def test_init_weights_loads_student_and_teacher_once(tmp_path):
    folder = str(saved(tmp_path))
    model = semi_segmentor(arch=folder, weights=folder)
    model.init_weights()
    batches = model.data_preprocessor(batch(size=42), training=True)
    model(**batches, mode="loss")
    expected = backbone(folder, weights=folder)
    expected.init_weights()
    for network in (model.segmentor, model.teacher.network):
        for name, value in network.backbone.state_dict().items():
            assert torch.equal(value, expected.state_dict()[name]), name
    with torch.no_grad():
        model.segmentor.backbone.encoder.embeddings.cls_token.fill_(7)
    model.segmentor.backbone.init_weights()
    model.init_weights()
    assert model.segmentor.backbone.encoder.embeddings.cls_token.eq(7).all()


def test_a_frozen_encoder_has_no_gradients_and_no_training_mode():
    net = backbone({**DINOV2, "hidden_dropout_prob": 0.5}, frozen=True).train()
    assert not any(module.training for module in net.modules())
    x = images().requires_grad_()
    assert not any(level.requires_grad for level in net(x))
    assert torch.equal(net(x)[0], net(x)[0])
    trained = backbone({**DINOV2, "hidden_dropout_prob": 0.5}).train()
    assert not torch.equal(trained(x)[0], trained(x)[0])


@pytest.mark.parametrize("arch", [DINOV2, DINOV3])
def test_every_trained_parameter_has_a_gradient(arch):
    # A distributed wrapper waits for all of them.
    net = backbone({**arch, "pos_embed_rescale": None} if arch is DINOV3 else arch)
    sum(
        m.square().mean() for m in net(images(64, 64) if arch is DINOV3 else images())
    ).backward()
    missing = [
        n for n, p in net.named_parameters() if p.requires_grad and p.grad is None
    ]
    assert missing == []


def test_gradients_are_the_same_if_activations_are_computed_again():
    grads = []
    for with_cp in (False, True):
        net = backbone(with_cp=with_cp).train()
        sum(m.pow(3).mean() for m in net(images())).backward()
        grads.append([p.grad for p in net.parameters()])
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_checkpointing_saves_activations():
    stored = []
    for with_cp in (False, True):
        net, count = backbone(with_cp=with_cp).train(), []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, count=count: count.append(t.numel()) or t, lambda t: t
        ):
            net(images())
        stored.append(sum(count))
    assert stored[1] < 0.7 * stored[0]


def test_bfloat16_gives_float32_maps_that_are_close():
    exact, reduced = backbone().eval(), backbone(precision="bfloat16").eval()
    for a, b in zip(exact(images()), reduced(images()), strict=True):
        assert b.dtype is torch.float32
        assert not torch.equal(a, b)
        torch.testing.assert_close(a, b, atol=0.1, rtol=0.1)


def test_a_teachers_copy_encodes_like_the_student():
    net = backbone()
    teacher = Teacher(net, momentum=0.5)
    x = images(42, 98)
    net.eval()
    for a, b in zip(net(x), teacher.network(x), strict=True):
        assert torch.equal(a, b)
    with torch.no_grad():
        net.encoder.embeddings.position_embeddings.zero_()
    # The copy interpolates its own positions.
    assert not torch.equal(net(x)[0], teacher.network(x)[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(arch="dinov2-bse"), "did you mean 'dinov2-base'"),
        (dict(arch={**DINOV2, "model_type": "bert"}), "'bert' gives no feature maps"),
        (
            dict(arch="acme/unknown-model"),
            "nothing is downloaded without download=True",
        ),
        (dict(out_indices=(1, 4)), "allowed: ascending, 0 to 3"),
        (dict(out_indices=()), "allowed: ascending"),
        (dict(precision="float16"), "precision='float16'; allowed"),
        (dict(frozen=True, with_cp=True), "with_cp=True has no effect with frozen"),
    ],
)
def test_arguments_that_are_not_allowed_are_named(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        backbone(**arguments)
    assert "\n" not in str(error.value)


def test_a_hub_name_without_permission_asks_no_server(monkeypatch):
    def connect(*_, **__):
        raise AssertionError("asked a server")

    monkeypatch.setattr("socket.socket.connect", connect)
    with pytest.raises(ValueError, match="download=True"):
        backbone("acme/unknown-model")
    net = backbone(weights="acme/unknown-model")
    with pytest.raises(ValueError, match=r"weights='acme.*download=True"):
        net.init_weights()


def test_a_size_that_is_no_multiple_of_the_patch_is_refused():
    net = backbone()
    with pytest.raises(
        ValueError, match=r"data_preprocessor.size to \(504, 504\) or \(518, 518\)"
    ):
        net(images(512, 512, count=1))
    with pytest.raises(ValueError, match="ResizeToNearestMultiple', divisor=14"):
        net(images(500, 518, count=1))
    # transformers would cut off two columns.
    assert net(images(42, 42, count=1))[0].shape == (1, 16, 3, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(width=32), "another size than the encoder"),
        (dict(layers=3), "lacks parameters of the encoder: encoder.layer.3"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(
    tmp_path, change, message
):
    shape = {**dict(width=16, layers=4, tokens=25, hidden=32), **change}
    torch.save(original_state(**shape), tmp_path / "other.pth")
    net = backbone(weights=str(tmp_path / "other.pth"))
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=message):
        net.init_weights()
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"pip install 'mmseg-semisup\[encoders\]'"):
        backbone()
