"""All presets by name."""

from __future__ import annotations

from askance.lab.presets.base import Preset
from askance.lab.presets.cdalbench import cdalbench
from askance.lab.presets.deepal import deepal_factors, deepal_survey
from askance.lab.presets.no_free_lunch import no_free_lunch, no_free_lunch_digits
from askance.lab.presets.pool_survey import pool_survey

PRESETS = {
    "cdalbench": Preset(
        "CDALBench: tables, pictures, texts and made sets with a linear head, batches of 1 to 100, a greedy oracle; "
        "networks on tables and pixels in size paper",
        cdalbench,
        {"smoke": "1 min", "desk": "20 min", "paper": "3 h"},
    ),
    "deepal-survey": Preset(
        "all of DeepAL+ with one network and as many steps, on three sets of pictures and one of texts",
        lambda size: deepal_survey(),
        {"paper": "3 h"},
    ),
    "deepal-factors": Preset(
        "batch size and steps of training for five strategies on fashion-mnist",
        lambda size: deepal_factors(),
        {"paper": "1 h"},
    ),
    "no-free-lunch": Preset(
        "No Free Lunch: seven strategies on texts read by encoders of unequal quality; five sets, five encoders and "
        "three ways to pick first labels in size paper, two sets, three encoders and two ways in size desk; the first "
        "run on a machine reads them, some minutes a set with minilm-l6",
        no_free_lunch,
        {"smoke": "1 min", "desk": "20 min", "paper": "3 h"},
    ),
    "no-free-lunch-digits": Preset(
        "the same question on digits that are spoiled on purpose; nothing to fetch",
        lambda size: no_free_lunch_digits(),
        {"paper": "5 min"},
    ),
    "pool-survey": Preset(
        "small tables and made sets, label by label, with a support vector machine that asks itself or by another "
        "model; a beam oracle",
        pool_survey,
        {"smoke": "1 min", "desk": "20 min", "paper": "3 h"},
    ),
}
