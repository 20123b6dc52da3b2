# FreeMatch (Wang et al., ICLR 2023) for pixels: FixMatch with thresholds that follow the
# confidence of the network and its mean probability of each class, momentum 0.999,
# section 3.1. The paper classifies images, without a teacher, and has a second loss for
# equal classes (section 3.2), which is left out.
_base_ = ["./fixmatch.py"]
method = dict(
    objectives=dict(unimatch=dict(select=dict(type="SelfAdaptiveThreshold"))),
)
