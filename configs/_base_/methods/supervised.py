# The baseline: the labelled images alone, with everything that guards a training.
method = dict()
