# Seven classes of VOC 2012 with 65 masks: one training of each method of the families of
# mean teacher, cross supervision, self-training and adaptive thresholds, half as long as
# those of voc_animals.py; 14 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
methods = [
    "supervised",
    "cutmix",
    "prevmatch",
    "flexmatch",
    "freematch",
    "classmix",
    "augseg",
    "cutout",
    "ict",
    "cps_cutmix",
    "cps",
    "u2pl",
    "st",
    "st_plus_plus",
]
splits = dict(m65="splits/unimatch183_labeled.txt")
seeds = [0]
iterations = 1000
