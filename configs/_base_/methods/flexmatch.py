# FlexMatch (Zhang et al., NeurIPS 2021) for pixels: FixMatch with a threshold for each
# class, lower for those of which few pixels are confident; tau = 0.95 and the mapping
# x / (2 - x), sections 3.1 and 3.2. The paper classifies images, without a teacher.
_base_ = ["./fixmatch.py"]
method = dict(
    objectives=dict(unimatch=dict(select=dict(type="CurriculumThreshold"))),
)
