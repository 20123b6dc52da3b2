# An example of a few minutes on one core: does the mean teacher of the demonstration beat its
# baseline with two seeds? `python -m mmseg_semisup.demo` draws the data.
config = "demo/supervised.py"
methods = ["supervised", dict(name="mean_teacher", config="demo/mean_teacher.py")]
seeds = [0, 1]
iterations = 100
