# Interpolation consistency (Verma et al., IJCAI 2019, https://arxiv.org/abs/1903.03825) as
# French et al., BMVC 2020, have it for segmentation: the student's probabilities on a
# blend of two images learn the blend of the teacher's on each. Values: the code of French
# et al. for VOC.
_base_ = ["./cutout.py"]
method = dict(
    objectives=dict(
        consistency=dict(weight=0.01, mix=dict(_delete_=True, type="Mixup", alpha=0.1)),
    ),
)
