"""The demo's suite, recipe and datasets: what a user would keep beside the code."""

from typing import Any

SUITE: dict[str, Any] = {
    "name": "patients",
    "expectations": [
        {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 569}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "patient"}},
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "patient"}},
        {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "patient", "regex": "^P[0-9]{4}$"}},
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "mean_smoothness"}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "mean_area", "min_value": 100, "max_value": 3000},
        },
        {
            "type": "expect_column_mean_to_be_between",
            "kwargs": {"column": "mean_radius", "min_value": 10, "max_value": 20},
        },
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "mean_symmetry", "min_value": 0, "max_value": 1},
        },
    ],
}

RECIPE: dict[str, Any] = {
    "name": "mend patients",
    "steps": [
        {"dedup": {"columns": ["patient"]}},
        {"derive": {"column": "mean_area", "as": "abs(mean_area)"}},
        {"fill": {"column": "mean_smoothness", "method": "median"}},
        {"clip": {"column": "mean_area", "min": 100, "max": 3000}},
    ],
}

PATIENTS: dict[str, Any] = {
    "name": "patients",
    "description": "Cell measurements of biopsies with the pathologist's diagnosis",
    "query": (
        "SELECT p.* EXCLUDE (patient), l.label AS diagnosis FROM clinic.patients p "
        "JOIN clinic.patients_labels l ON l.sample_id = p.sample_id AND l.label_set = 'diagnosis'"
    ),
    "key": ["sample_id"],
    "split": {"by": "stratified", "column": "diagnosis", "parts": {"train": 0.75, "test": 0.25}, "seed": 7},
    "labels": ["diagnosis"],
}

DIGITS: dict[str, Any] = {
    "name": "digits",
    "description": "Scanned digits as PNG files, labelled by their folder",
    "query": (
        "SELECT i.sample_id, i.bytes AS image, CAST(l.label AS BIGINT) AS label FROM media.digits i "
        "JOIN media.digits_labels l ON l.sample_id = i.sample_id AND l.label_set = 'digit'"
    ),
    "key": ["sample_id"],
    "split": {"by": "hash", "parts": {"train": 0.8, "test": 0.2}, "seed": 7},
    "labels": ["label"],
}
