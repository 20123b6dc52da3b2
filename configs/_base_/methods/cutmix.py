# Mean teacher with CutMix (French et al., BMVC 2020): a rectangle of another image is
# pasted into the student's image, and of the teacher's labels into its labels.
_base_ = ["./mean_teacher.py"]
method = dict(objectives=dict(consistency=dict(mix="cutmix")))
