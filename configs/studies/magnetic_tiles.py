# Six classes of magnetic tiles with 59 masks, other ones for each seed: supervised
# training, mean teacher with CutMix, FixMatch and UniMatch V2, and supervised training
# with all 940 masks; 15 trainings.
config = "supervised/supervised_lite0_2k_magnetic-tiles-59.py"
methods = ["supervised", "cutmix", "fixmatch", "unimatch_v2"]
splits = dict(m59="splits/seed{seed}_1_16_labeled.txt")
all_masks = True
selection = True
seeds = [0, 1, 2]
iterations = 2000
