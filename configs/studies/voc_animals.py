# Seven classes of VOC 2012 with 65 masks: supervised training, mean teacher with CutMix,
# FixMatch and both UniMatches, and supervised training with all 1157 masks; 18 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
methods = ["supervised", "cutmix", "fixmatch", "unimatch_v2", "unimatch_v1"]
splits = dict(m65="splits/unimatch183_labeled.txt")
all_masks = True
selection = True
seeds = [0, 1, 2]
iterations = 2000
