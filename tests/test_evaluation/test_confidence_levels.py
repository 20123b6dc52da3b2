import pytest
import torch

from mmseg_semisup.evaluation.confidence_levels import LEVELS, first_level, to_level


@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.951, 0.99, 1.0])
def test_a_level_reaches_a_threshold_from_the_first_one_on(threshold):
    level = first_level(threshold)
    assert level / (LEVELS - 1) >= threshold - 1e-9
    assert level == 0 or (level - 1) / (LEVELS - 1) < threshold


def test_probabilities_are_rounded_to_levels():
    given = torch.tensor([0.0, 0.49 / 255, 0.51 / 255, 0.6, 1.0])
    assert to_level(given).tolist() == [0, 0, 1, 153, 255]
