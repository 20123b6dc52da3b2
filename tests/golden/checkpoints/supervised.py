_base_ = "_base.py"
model = dict(teacher=None)
